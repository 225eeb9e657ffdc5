import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import * as tls from '@pulumi/tls'
import { adoptionAdvice } from './adoption.ts'
import { type Jwk, jwkOf, keyId } from './jwks.ts'
import { REGISTRY_NAME } from './names.ts'

/** Ten years. The registry trusts the key by the JWKS that the stack mounts; authentik only requires a certificate. */
const CERTIFICATE_HOURS = 10 * 365 * 24

/** A key with which authentik signs, and what the registry needs to verify its signatures. */
export class SigningKey extends pulumi.ComponentResource {
  /** For `signingKey` of a provider. */
  readonly pairId: pulumi.Output<string>
  /** PEM. Public. */
  readonly certificate: pulumi.Output<string>
  /** With the key id that authentik writes into its tokens. Public. */
  readonly jwk: pulumi.Output<Jwk>

  /** @param name of the key pair in authentik */
  constructor(name: string, { protect }: { protect: boolean }, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:SigningKey', name, {}, opts)
    const child = { parent: this }
    const key = new tls.PrivateKey(name, { algorithm: 'ECDSA', ecdsaCurve: 'P256' }, { ...child, protect })
    const certificate = new tls.SelfSignedCert(
      name,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: REGISTRY_NAME },
        validityPeriodHours: CERTIFICATE_HOURS,
        allowedUses: ['digital_signature'],
      },
      child,
    )
    const pair = new authentik.CertificateKeyPair(
      name,
      // authentik stores both without surrounding white space, but the provider reads them back with one line break.
      { name, certificateData: certificate.certPem.apply(oneLineEnd), keyData: key.privateKeyPem.apply(oneLineEnd) },
      { ...child, deleteBeforeReplace: true, hooks: adoptionAdvice(this, `key-${name}`) },
    )
    this.pairId = pair.id
    this.certificate = pulumi.unsecret(certificate.certPem)
    // The key id is a digest of the private key, so Pulumi treats it as a secret. Every token has it in its header.
    const kid = pulumi.unsecret(key.privateKeyPem.apply(keyId))
    this.jwk = pulumi.all([this.certificate, kid]).apply(([pem, id]) => jwkOf(pem, id))
    this.registerOutputs({ pairId: this.pairId, certificate: this.certificate, jwk: this.jwk })
  }
}

const oneLineEnd = (pem: string) => `${pem.trim()}\n`

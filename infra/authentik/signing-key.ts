import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import * as tls from '@pulumi/tls'
import { kept } from '../kept.ts'
import { adoptionAdvice } from './adoption.ts'
import { jwks, keyId } from './jwks.ts'

/** Ten years. The registry trusts the key by the JWKS that the stack mounts; authentik only requires a certificate. */
const CERTIFICATE_HOURS = 10 * 365 * 24

/** The key with which authentik signs registry tokens, and what the registry needs to verify them. */
export class SigningKey extends pulumi.ComponentResource {
  /** For `signingKey` of a provider. */
  readonly pairId: pulumi.Output<string>
  /** PEM. Public. */
  readonly certificate: pulumi.Output<string>
  /** JSON, with the key id that authentik writes into its tokens. Public. */
  readonly jwks: pulumi.Output<string>

  constructor(name: string, { deleteImages }: { deleteImages: boolean }, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:SigningKey', name, {}, opts)
    const child = { parent: this }
    const key = new tls.PrivateKey(
      name,
      { algorithm: 'ECDSA', ecdsaCurve: 'P256' },
      { ...child, ...kept(deleteImages) },
    )
    const certificate = new tls.SelfSignedCert(
      name,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: name },
        validityPeriodHours: CERTIFICATE_HOURS,
        allowedUses: ['digital_signature'],
      },
      child,
    )
    const pair = new authentik.CertificateKeyPair(
      name,
      // authentik stores both without surrounding white space, but the provider reads them back with one line break.
      { name, certificateData: certificate.certPem.apply(oneLineEnd), keyData: key.privateKeyPem.apply(oneLineEnd) },
      { ...child, deleteBeforeReplace: true, hooks: adoptionAdvice(this, 'signing-key') },
    )
    this.pairId = pair.id
    this.certificate = pulumi.unsecret(certificate.certPem)
    // The key id is a digest of the private key, so Pulumi treats it as a secret. Every token has it in its header.
    const kid = pulumi.unsecret(key.privateKeyPem.apply(keyId))
    this.jwks = pulumi.all([this.certificate, kid]).apply(([pem, id]) => jwks(pem, id))
    this.registerOutputs({ pairId: this.pairId, certificate: this.certificate, jwks: this.jwks })
  }
}

const oneLineEnd = (pem: string) => `${pem.trim()}\n`

import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Properties } from '../engine/values.ts'
import { TlsProvider } from './provider.ts'

const PRIVATE_KEY = 'tls:index/privateKey:PrivateKey'
const SELF_SIGNED = 'tls:index/selfSignedCert:SelfSignedCert'
const START = new Date('2030-01-01T00:00:00.400Z')
const HOUR_MS = 3_600_000

const at = (moment: Date) => new TlsProvider(() => moment)
const provider = at(START)

/** The value of an output that must be marked secret. */
const secretOf = (state: Properties, name: string) => (state[name] as { value: string }).value

async function create(type: string, inputs: Properties): Promise<{ id: string; state: Properties }> {
  return provider.create({ type, name: 'x', urn: 'urn', inputs, preview: false, timeoutSeconds: 0 })
}

const newKey = async (inputs: Properties) => secretOf((await create(PRIVATE_KEY, inputs)).state, 'privateKeyPem')

describe('PrivateKey', () => {
  test.each([
    [{ algorithm: 'ECDSA', ecdsaCurve: 'P256' }, 'EC PRIVATE KEY', 'ecdsa-sha2-nistp256'],
    [{ algorithm: 'ECDSA', ecdsaCurve: 'P384' }, 'EC PRIVATE KEY', 'ecdsa-sha2-nistp384'],
    [{ algorithm: 'ECDSA', ecdsaCurve: 'P521' }, 'EC PRIVATE KEY', 'ecdsa-sha2-nistp521'],
    [{ algorithm: 'RSA', rsaBits: 2048 }, 'RSA PRIVATE KEY', 'ssh-rsa'],
    [{ algorithm: 'ED25519' }, 'PRIVATE KEY', 'ssh-ed25519'],
  ])('%j', async (inputs, label, sshType) => {
    const { id, state } = await create(PRIVATE_KEY, inputs)
    const pem = secretOf(state, 'privateKeyPem')
    expect(pem.split('\n')[0]).toBe(`-----BEGIN ${label}-----`)
    const publicKey = createPublicKey(createPrivateKey(pem))
    expect(createPublicKey(String(state.publicKeyPem)).equals(publicKey)).toBe(true)
    expect(createPublicKey(secretOf(state, 'privateKeyPemPkcs8')).equals(publicKey)).toBe(true)
    expect(id).toBe(
      createHash('sha1')
        .update(publicKey.export({ type: 'spki', format: 'der' }))
        .digest('hex'),
    )
    const [type, blob = ''] = String(state.publicKeyOpenssh).trim().split(' ')
    expect(type).toBe(sshType)
    const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64').replace(/=+$/, '')
    expect(state.publicKeyFingerprintSha256).toBe(`SHA256:${digest}`)
    expect(secretOf(state, 'privateKeyOpenssh')).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/)
  })

  test('a curve that OpenSSH does not know has no OpenSSH form', async () => {
    const { state } = await create(PRIVATE_KEY, { algorithm: 'ECDSA' })
    expect(state).toMatchObject({ ecdsaCurve: 'P224', publicKeyOpenssh: '', publicKeyFingerprintSha256: '' })
  })

  test.each([
    [{}, 'algorithm'],
    [{ algorithm: 'DSA' }, 'algorithm'],
    [{ algorithm: 'ECDSA', ecdsaCurve: 'P257' }, 'ecdsaCurve'],
  ])('refuses %j', (news, property) => {
    const { failures } = provider.check({
      type: PRIVATE_KEY,
      name: 'x',
      urn: 'urn',
      olds: {},
      news,
      randomSeed: new Uint8Array(),
    })
    expect(failures.map((failure) => failure.property)).toEqual([property])
  })

  test('a preview makes no key', async () => {
    const made = await provider.create({
      type: PRIVATE_KEY,
      name: 'x',
      urn: 'urn',
      inputs: { algorithm: 'RSA' },
      preview: true,
      timeoutSeconds: 0,
    })
    expect(JSON.stringify(made)).not.toContain('BEGIN')
  })
})

describe('certificates', () => {
  const CA_INPUTS = {
    allowedUses: ['cert_signing'],
    isCaCertificate: true,
    validityPeriodHours: 24,
    subject: { commonName: 'ca' },
  }

  test('a self-signed one verifies, lasts as long as asked and bears its names', async () => {
    const privateKeyPem = await newKey({ algorithm: 'ECDSA', ecdsaCurve: 'P256' })
    const { id, state } = await create(SELF_SIGNED, {
      privateKeyPem,
      validityPeriodHours: 48,
      allowedUses: ['digital_signature', 'server_auth'],
      dnsNames: ['registry.example.com'],
      ipAddresses: ['127.0.0.1'],
      subject: { commonName: 'docker-registry', organization: 'Example' },
    })
    const certificate = new X509Certificate(String(state.certPem))
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.checkPrivateKey(createPrivateKey(privateKeyPem))).toBe(true)
    expect(certificate.subject).toBe('O=Example\nCN=docker-registry')
    expect(certificate.subjectAltName).toBe('DNS:registry.example.com, IP Address:127.0.0.1')
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(certificate.validFromDate.toISOString()).toBe('2030-01-01T00:00:00.000Z')
    expect(state).toMatchObject({
      keyAlgorithm: 'ECDSA',
      readyForRenewal: false,
      validityStartTime: '2030-01-01T00:00:00Z',
      validityEndTime: '2030-01-03T00:00:00Z',
    })
    expect(BigInt(id)).toBe(BigInt(`0x${certificate.serialNumber}`))
    expect(secretOf(state, 'privateKeyPem')).toBe(privateKeyPem)
  })

  test('a request signed by a CA chains to it', async () => {
    const caPrivateKeyPem = await newKey({ algorithm: 'RSA' })
    const ca = await create(SELF_SIGNED, { ...CA_INPUTS, privateKeyPem: caPrivateKeyPem })
    const privateKeyPem = await newKey({ algorithm: 'ED25519' })
    const subject = { commonName: 'leaf' }
    const request = await create('tls:index/certRequest:CertRequest', {
      privateKeyPem,
      subject,
      dnsNames: ['leaf.example'],
    })
    const leaf = await create('tls:index/locallySignedCert:LocallySignedCert', {
      allowedUses: ['client_auth'],
      caCertPem: ca.state.certPem,
      caPrivateKeyPem,
      certRequestPem: request.state.certRequestPem,
      validityPeriodHours: 1,
    })
    const [issuer, certificate] = [ca, leaf].map(({ state }) => new X509Certificate(String(state.certPem)))
    if (!issuer || !certificate) throw new Error('two certificates were made')
    expect(issuer.ca).toBe(true)
    expect(certificate.verify(issuer.publicKey)).toBe(true)
    expect(certificate.checkIssued(issuer)).toBe(true)
    expect(certificate.subjectAltName).toBe('DNS:leaf.example')
    expect(leaf.state.caKeyAlgorithm).toBe('RSA')
  })

  test('an error about a broken key does not show it', async () => {
    const broken = '-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----'
    const made = create(SELF_SIGNED, { ...CA_INPUTS, privateKeyPem: broken })
    await expect(made).rejects.toThrow('expected a private key in PEM')
    await expect(made).rejects.not.toThrow('c2VjcmV0')
  })
})

describe('diff', () => {
  const inputs = { allowedUses: ['cert_signing'], validityPeriodHours: 24, privateKeyPem: 'k' }
  const state = { ...inputs, earlyRenewalHours: 0, validityEndTime: '2030-01-02T00:00:00Z' }
  const diff = (news: Properties, now = START) =>
    at(now).diff({
      type: SELF_SIGNED,
      name: 'x',
      urn: 'urn',
      id: '1',
      oldInputs: inputs,
      oldState: state,
      news,
      ignoreChanges: [],
    })

  test('nothing for equal inputs, written-out defaults included', () => {
    expect(diff({ ...inputs, isCaCertificate: false }).changes).toEqual([])
  })

  test('a new certificate for a changed input', () => {
    expect(diff({ ...inputs, validityPeriodHours: 25 }).changes).toEqual([
      { path: 'validityPeriodHours', kind: 'update', replace: true },
    ])
  })

  test('the hours of early renewal alone change in place, until their moment has come', () => {
    const news = { ...inputs, earlyRenewalHours: 2 }
    expect(diff(news).changes.map(({ replace }) => replace)).toEqual([false])
    const due = diff(news, new Date(Date.parse(state.validityEndTime) - HOUR_MS)).changes
    expect(due).toContainEqual({ path: 'readyForRenewal', kind: 'update', replace: true })
  })
})

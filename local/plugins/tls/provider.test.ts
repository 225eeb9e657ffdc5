import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Properties } from '../engine/values.ts'
import { TlsProvider } from './provider.ts'

const PRIVATE_KEY = 'tls:index/privateKey:PrivateKey'
const SELF_SIGNED = 'tls:index/selfSignedCert:SelfSignedCert'
const START = new Date('2030-01-01T00:00:00.400Z')
const CERTIFICATE = { validityPeriodHours: 48, allowedUses: ['digital_signature'], subject: { commonName: 'registry' } }

const at = (moment: Date) => new TlsProvider(() => moment)
const provider = at(START)

/** The value of an output that must be marked secret. */
const secretOf = (state: Properties, name: string) => (state[name] as { value: string }).value

const create = (type: string, inputs: Properties, preview = false) =>
  provider.create({ type, name: 'x', urn: 'urn', inputs, preview })

const newKey = async (inputs: Properties) => secretOf((await create(PRIVATE_KEY, inputs)).state, 'privateKeyPem')

/** The properties that are wrong. */
async function refused(type: string, news: Properties): Promise<string[]> {
  const { failures } = await provider.check({
    type,
    name: 'x',
    urn: 'urn',
    olds: {},
    news,
    randomSeed: new Uint8Array(),
  })
  return failures.map(({ property }) => property)
}

describe('PrivateKey', () => {
  test.each([
    [{ algorithm: 'ECDSA', ecdsaCurve: 'P256' }, 'EC PRIVATE KEY'],
    [{ algorithm: 'ECDSA', ecdsaCurve: 'P384' }, 'EC PRIVATE KEY'],
    [{ algorithm: 'ED25519' }, 'PRIVATE KEY'],
  ])('%j', async (inputs, label) => {
    expect(await refused(PRIVATE_KEY, inputs)).toEqual([])
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
  })

  test.each([
    [{}, 'algorithm'],
    [{ algorithm: 'RSA' }, 'algorithm'],
    [{ algorithm: 'ECDSA', ecdsaCurve: 'P257' }, 'ecdsaCurve'],
    [{ algorithm: 'ECDSA' }, 'ecdsaCurve'],
    [{ algorithm: 'ED25519', rsaBits: 4096 }, 'rsaBits'],
  ])('refuses %j', async (news, property) => {
    expect(await refused(PRIVATE_KEY, news)).toEqual([property])
  })

  test('a preview makes no key', async () => {
    const made = await create(PRIVATE_KEY, { algorithm: 'ED25519' }, true)
    expect(JSON.stringify(made)).not.toContain('BEGIN')
  })
})

describe('SelfSignedCert', () => {
  test('verifies, lasts as long as asked and has its name', async () => {
    const privateKeyPem = await newKey({ algorithm: 'ECDSA', ecdsaCurve: 'P256' })
    const { id, state } = await create(SELF_SIGNED, { ...CERTIFICATE, privateKeyPem })
    const certificate = new X509Certificate(String(state.certPem))
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.checkPrivateKey(createPrivateKey(privateKeyPem))).toBe(true)
    expect(certificate.subject).toBe('CN=registry')
    expect(certificate.ca).toBe(false)
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

  test.each([
    [{ allowedUses: ['server_auth'] }, 'allowedUses'],
    [{ subject: { organization: 'Example' } }, 'subject'],
    [{ isCaCertificate: true }, 'isCaCertificate'],
    [{ dnsNames: ['registry.example.com'] }, 'dnsNames'],
  ])('refuses %j, which it would not heed', async (news, property) => {
    const inputs = { ...CERTIFICATE, privateKeyPem: 'k' }
    expect(await refused(SELF_SIGNED, { ...inputs, isCaCertificate: false })).toEqual([])
    expect(await refused(SELF_SIGNED, { ...inputs, ...news })).toEqual([property])
  })

  test('an error about a broken key does not show it', async () => {
    const broken = '-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----'
    const made = create(SELF_SIGNED, { ...CERTIFICATE, privateKeyPem: broken })
    await expect(made).rejects.toThrow('expected a private key in PEM')
    await expect(made).rejects.not.toThrow('c2VjcmV0')
  })
})

describe('diff', () => {
  const inputs = { ...CERTIFICATE, privateKeyPem: 'k' }
  const oldState = { ...inputs, validityEndTime: '2030-01-03T00:00:00Z' }
  const diff = (news: Properties, now = START) =>
    at(now).diff({
      type: SELF_SIGNED,
      name: 'x',
      urn: 'urn',
      id: '1',
      oldInputs: inputs,
      oldState,
      news,
      ignoreChanges: [],
    })

  test('nothing for equal inputs, written-out defaults included', () => {
    expect(diff({ ...inputs, isCaCertificate: false }).changes).toEqual([])
  })

  test('a new certificate for a changed input, and at the end of the old one', () => {
    expect(diff({ ...inputs, validityPeriodHours: 25 }).changes).toEqual([
      { path: 'validityPeriodHours', kind: 'update', replace: true },
    ])
    expect(diff(inputs, new Date(oldState.validityEndTime)).changes).toEqual([
      { path: 'readyForRenewal', kind: 'update', replace: true },
    ])
  })
})

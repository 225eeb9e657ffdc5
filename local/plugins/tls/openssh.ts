/** Keys in OpenSSH's forms: RFC 4253 §6.6, RFC 5656, RFC 8709, and openssh-key-v1 (PROTOCOL.key of OpenSSH). */
import { createPublicKey, type JsonWebKey, type KeyObject, randomBytes } from 'node:crypto'

/** OpenSSH has no P-224. */
const NIST_NAMES: Record<string, string> = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' }

/** Unencrypted openssh-key-v1 pads its private section to this many bytes. */
const PADDING_BLOCK_BYTES = 8
const PEM_LINE_CHARACTERS = 64

const bytes = (base64url: string | undefined) => Buffer.from(base64url ?? '', 'base64url')

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}

/** RFC 4251 §5 `string`. */
function text(value: Buffer | string): Buffer {
  const content = Buffer.from(value)
  return Buffer.concat([uint32(content.length), content])
}

/** RFC 4251 §5 `mpint`: no needless leading zero, one in front of a set top bit. */
function integer(value: Buffer): Buffer {
  const first = value.findIndex((byte) => byte !== 0)
  const stripped = first < 0 ? Buffer.alloc(0) : value.subarray(first)
  return text((stripped[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), stripped]) : stripped)
}

const point = (jwk: JsonWebKey) => Buffer.concat([Buffer.of(4), bytes(jwk.x), bytes(jwk.y)])

/** The wire form of a public key and its type name; `undefined` for a curve that OpenSSH does not know. */
export function opensshPublicKey(key: KeyObject): { type: string; blob: Buffer } | undefined {
  if (key.asymmetricKeyDetails?.namedCurve === 'secp224r1') return undefined
  const jwk = key.export({ format: 'jwk' })
  if (jwk.kty === 'RSA') {
    const type = 'ssh-rsa'
    return { type, blob: Buffer.concat([text(type), integer(bytes(jwk.e)), integer(bytes(jwk.n))]) }
  }
  if (jwk.kty === 'OKP') {
    const type = 'ssh-ed25519'
    return { type, blob: Buffer.concat([text(type), text(bytes(jwk.x))]) }
  }
  const curve = NIST_NAMES[jwk.crv ?? '']
  if (!curve) return undefined
  const type = `ecdsa-sha2-${curve}`
  return { type, blob: Buffer.concat([text(type), text(curve), text(point(jwk))]) }
}

function privateFields(jwk: JsonWebKey): Buffer[] {
  if (jwk.kty === 'RSA') {
    return [jwk.n, jwk.e, jwk.d, jwk.qi, jwk.p, jwk.q].map((value) => integer(bytes(value)))
  }
  if (jwk.kty === 'OKP') return [text(bytes(jwk.x)), text(Buffer.concat([bytes(jwk.d), bytes(jwk.x)]))]
  return [text(NIST_NAMES[jwk.crv ?? ''] ?? ''), text(point(jwk)), integer(bytes(jwk.d))]
}

/** A private key as `-----BEGIN OPENSSH PRIVATE KEY-----`, unencrypted; empty for a curve that OpenSSH does not know. */
export function opensshPrivateKey(key: KeyObject): string {
  const publicKey = opensshPublicKey(createPublicKey(key))
  if (!publicKey) return ''
  const check = randomBytes(4)
  const section = Buffer.concat([
    check,
    check,
    text(publicKey.type),
    ...privateFields(key.export({ format: 'jwk' })),
    text(''),
  ])
  const missing = (PADDING_BLOCK_BYTES - (section.length % PADDING_BLOCK_BYTES)) % PADDING_BLOCK_BYTES
  const padding = Buffer.from(Array.from({ length: missing }, (_, index) => index + 1))
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    text('none'),
    text('none'),
    text(''),
    uint32(1),
    text(publicKey.blob),
    text(Buffer.concat([section, padding])),
  ])
  const lines = body.toString('base64').match(new RegExp(`.{1,${PEM_LINE_CHARACTERS}}`, 'g')) ?? []
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
}

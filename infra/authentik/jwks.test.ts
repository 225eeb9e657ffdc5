import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLocalJWKSet, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { jwkOf, jwks, keyId } from './jwks.ts'

/** What a real authentik 2026.2.2 answered at an application's `jwks/`. */
const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'jwks.recorded.json'), 'utf8')).keys[0]
const certificate = `-----BEGIN CERTIFICATE-----\n${recorded.x5c[0]}\n-----END CERTIFICATE-----\n`

describe('jwks', () => {
  it('is what authentik publishes for the same certificate', () => {
    const { keys } = JSON.parse(jwks([jwkOf(certificate, recorded.kid)]))
    const { x5c: _chain, x5t: _sha1, 'x5t#S256': _sha256, ...key } = recorded
    expect(keys).toEqual([key])
  })

  it('verifies nothing that another key signed under the same id', async () => {
    const other = await generateKeyPair('ES256')
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: recorded.kid }).sign(other.privateKey)
    const verify = jwtVerify(token, createLocalJWKSet(JSON.parse(jwks([jwkOf(certificate, recorded.kid)]))))
    await expect(verify).rejects.toThrow('signature verification failed')
  })
})

describe('keyId', () => {
  const pem = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI\n-----END EC PRIVATE KEY-----'

  it('does not depend on white space around the key, which authentik strips', () => {
    expect(keyId(`\n ${pem}\n\n`)).toBe(keyId(pem))
  })

  it('has the form of the recorded one: SHA-512, base64url, no padding', () => {
    expect(keyId(pem)).toMatch(/^[\w-]{86}$/)
    expect(recorded.kid).toMatch(/^[\w-]{86}$/)
    expect(Buffer.from(keyId(pem), 'base64url')).toEqual(createHash('sha512').update(pem).digest())
  })
})

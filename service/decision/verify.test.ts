import type { webcrypto } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { isSignedBy } from './verify.ts'

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const signed = (alg: string, key: webcrypto.CryptoKey, sub = 'job') =>
  new SignJWT({ sub }).setProtectedHeader({ alg }).sign(key)
const withPart = (token: string, index: number, part: string) => token.split('.').with(index, part).join('.')

describe.each(algorithms)('%s', (alg) => {
  it('is verified as the library signs, and nothing else is', async () => {
    const { publicKey, privateKey } = await generateKeyPair(alg)
    const other = await generateKeyPair(alg)
    const token = await signed(alg, privateKey)
    const another = await signed(alg, privateKey, 'another')
    expect(isSignedBy(token, alg, publicKey)).toBe(true)
    expect(isSignedBy(token, alg, other.publicKey)).toBe(false)
    expect(isSignedBy(withPart(token, 2, another.split('.')[2] ?? ''), alg, publicKey)).toBe(false)
    expect(isSignedBy(withPart(token, 1, another.split('.')[1] ?? ''), alg, publicKey)).toBe(false)
    for (const signature of ['', '%%%', `${token.split('.')[2]}%`, `${token.split('.')[2]}=`]) {
      expect(isSignedBy(withPart(token, 2, signature), alg, publicKey)).toBe(false)
    }
  })
})

it.each(['none', 'HS256', 'RS1', 'toString', ''])('an algorithm "%s" verifies nothing', async (alg) => {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  expect(isSignedBy(await signed('RS256', privateKey), alg, publicKey)).toBe(false)
})

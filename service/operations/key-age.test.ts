import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { jwkOf, withCertificate } from '../../infra/authentik/jwks.ts'
import { oldestKeySeconds } from './key-age.ts'

const authentik = join(import.meta.dirname, '..', '..', 'infra', 'authentik')
const pem = readFileSync(join(authentik, 'certificate.test.pem'), 'utf8')
const recorded = JSON.parse(readFileSync(join(authentik, 'jwks.recorded.json'), 'utf8')).keys[0]
/** Of the recorded certificate: 23 November 2026, 15:18:29 UTC. */
const RECORDED = Date.UTC(2026, 10, 23, 15, 18, 29) / 1000

it('is that of the oldest certificate', () => {
  const own = withCertificate(jwkOf(pem, 'own'), pem)
  expect(oldestKeySeconds({ keys: [recorded] })).toBe(RECORDED)
  const ofOwn = oldestKeySeconds(JSON.parse(JSON.stringify({ keys: [own] })))
  expect(ofOwn).not.toBe(RECORDED)
  const both = JSON.parse(JSON.stringify({ keys: [recorded, own] }))
  expect(oldestKeySeconds(both)).toBe(Math.min(RECORDED, ofOwn ?? 0))
})

it.each([
  ['no key set', undefined],
  ['keys without certificates', { keys: [{ ...recorded, x5c: undefined }] }],
  ['a certificate that is none', { keys: [{ ...recorded, x5c: ['MII'] }] }],
])('is not known of %s', (_, keys) => {
  expect(oldestKeySeconds(keys)).toBeUndefined()
})

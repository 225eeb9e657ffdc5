import { expect, it } from 'vitest'
import type { TrustDocument } from './policy.ts'
import { rulesDigest } from './rules-digest.ts'

const rule = { number: 1, push: ['acme/**'], pull: [], delete: [], catalog: false }
const source: TrustDocument['sources'][number] = {
  slug: 'github',
  platform: 'github',
  issuer: 'https://issuer',
  audience: 'registry.example.com',
  rules: [{ ...rule, claims: [['repository_owner_id', ['501']]] }],
}

it('is the same for the same rules, in any order of keys', () => {
  const { rules, ...others } = source
  expect(rulesDigest({ rules, ...others })).toBe(rulesDigest(source))
  expect(rulesDigest(source)).toMatch(/^[0-9a-f]{16}$/)
})

it.each([
  { issuer: 'https://another' },
  { audience: 'another' },
  { rules: [] },
  { rules: [{ ...rule, claims: [['repository_owner_id', ['502']]] }] as typeof source.rules },
])('is another with %j', (more) => expect(rulesDigest({ ...source, ...more })).not.toBe(rulesDigest(source)))

/** Cases for the differential test: a document of rules, a token and what it asks for, now and then with damage. */
import fc from 'fast-check'
import type { Claims } from '../../trust/decision/claim-texts.ts'
import type { PublicKey } from '../../trust/decision/key-material.ts'
import { authentikSourceSlug, compileDocument, sessionNames } from '../../trust/language/document.ts'
import { claims } from './claims.ts'
import { mostlyGithub, rules, sources } from './rules.ts'
import { scopes } from './scopes.ts'

/** One question to both sides. The document is plain JSON: it may be one that neither side understands. */
export interface Case {
  readonly document: unknown
  readonly slug: string
  readonly claims: Claims
  readonly scopes: readonly string[]
  /** A CI token by what says whose it is, and the keys that authentik holds, by the slugs of sources there. */
  readonly token: { readonly kid: unknown; readonly issuer: string }
  readonly keys: Readonly<Record<string, readonly PublicKey[]>>
}

const names = {
  application: 'docker-registry',
  groups: { push: 'acl_docker_push', pull: 'acl_docker_pull' },
  session: sessionNames,
}

/** Something else in place of one value of the document, at any depth. */
interface Damage {
  readonly depth: number
  readonly choice: number
  readonly value: unknown
}

const damage: fc.Arbitrary<Damage> = fc.record({
  depth: fc.nat(7),
  choice: fc.nat(),
  value: fc.constantFrom<unknown>(undefined, null, true, 1, 2, '', '*', [], ['*'], {}, [['repository', '*']]),
})

function damaged(value: unknown, { depth, choice, value: replacement }: Damage): unknown {
  if (depth === 0 || typeof value !== 'object' || value === null || Object.keys(value).length === 0) return replacement
  const keys = Object.keys(value)
  const key = keys[choice % keys.length] ?? ''
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  copy[key] = damaged(copy[key], { depth: depth - 1, choice: Math.floor(choice / 3), value: replacement })
  return JSON.parse(JSON.stringify(copy))
}

/** Few keys and key ids, so that sources share them often; some are the same but for padding, some no public keys. */
const material = fc.constantFrom<PublicKey>(
  { kty: 'RSA', n: 'sXch', e: 'AQAB' },
  { kty: 'RSA', n: 'sXch==', e: 'AQAB', use: 'sig' },
  { kty: 'RSA', n: 'another', e: 'AQAB' },
  { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' },
  { kty: 'EC', crv: 'P-384', x: 'x', y: 'y' },
  { kty: 'OKP', crv: 'Ed25519', x: 'x' },
  { kty: 'oct', k: 'secret' },
  { kty: 'RSA', n: '', e: 'AQAB' },
  { kty: 'EC', crv: 'P-256', x: 1, y: 'y' },
  { kty: ['RSA'] },
  {},
)
const keyId = fc.constantFrom<unknown>('1', '1', '1', '2', '', null, undefined)
const anyKey = fc.tuple(keyId, material).map(([kid, key]): PublicKey => (kid === undefined ? key : { ...key, kid }))
const storedKeys = fc.oneof(
  { weight: 2, arbitrary: fc.constant([{ kid: '1', kty: 'RSA', n: 'sXch', e: 'AQAB' }]) },
  { weight: 3, arbitrary: fc.array(anyKey, { maxLength: 3 }) },
)
const keys = fc
  .tuple(storedKeys, storedKeys, storedKeys)
  .map((of) => Object.fromEntries(sources.map(({ slug }, index) => [authentikSourceSlug(slug), of[index] ?? []])))
const token = fc.record({
  kid: fc.constantFrom<unknown>('1', '1', '1', '2', '3', '', null, 1),
  issuer: fc.constantFrom(...sources.map(({ issuer }) => issuer), 'https://elsewhere.example'),
})

/** Everything above, in one case. */
export const anyCase: fc.Arbitrary<Case> = fc
  .record({
    rules,
    damage: fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: damage }),
    slug: fc.oneof({ weight: 20, arbitrary: mostlyGithub }, { weight: 1, arbitrary: fc.constant('other') }),
    claims,
    scopes,
    token,
    keys,
  })
  .map(({ rules, damage, slug, claims, scopes, token, keys }) => {
    const whole = compileDocument(sources, rules(claims), names)
    return {
      document: damage === null ? whole : (damaged(whole, damage) ?? null),
      slug,
      claims,
      scopes: scopes.map((make) => make(claims, 'repository')),
      token,
      keys,
    }
  })

/** Cases for the differential test: rules, claims and scopes that are valid, hostile and borderline. */
import fc from 'fast-check'
import type { Claims } from '../../trust/decision/claim-texts.ts'
import type { PublicKey } from '../../trust/decision/key-material.ts'
import { authentikSourceSlug, compileDocument, sessionNames } from '../../trust/language/document.ts'
import type { TrustRule } from '../../trust/language/rule-schema.ts'
import { parseRules } from '../../trust/language/rules.ts'
import type { TrustSource } from '../../trust/language/source-schema.ts'

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

const sources: TrustSource[] = (['github', 'gitlab', 'oidc'] as const).map((platform) => ({
  slug: platform,
  platform,
  issuer: `https://${platform}.example`,
  audience: 'registry.example.com',
  keys: { jwksUrl: `https://${platform}.example/jwks` },
}))
const names = {
  application: 'docker-registry',
  groups: { push: 'acl_docker_push', pull: 'acl_docker_pull' },
  session: sessionNames,
}

/** Pieces that texts are put together from: few, so that patterns meet claims and names often. */
const plain = ['acme', 'app', 'a', 'main', 'refs/heads', 'v1', '501', '-', '.', '_', '__', '/', '/', '/']
const hostile = [
  ...['"', "'", "'''", '\\', '\n', '\r', '\t', '\u0000', '\u2028', '{', '}', '{repository}', '%s', '$(x)', '..', '//'],
  ...['A', 'ACME', ' ', ':', ':5000', '(', ')', '[a-z]', '?', '+', '^', '$', ',', '\u00a0', '\ufeff'],
  // Cyrillic "а", full-width "ａ", Kelvin sign, dotted capital I, long s, sharp s, a combining accent, beyond the BMP.
  ...['\u0430', '\uff41', '\u212a', '\u0130', '\u017f', '\u00df', 'e\u0301', '\u00e9', '\u{1f600}', '\u{10ffff}'],
]
const halves = ['\ud83d', '\ude00', '\udfff']
const wildcards = ['*', '*', '**', '***']

const claimName = fc.oneof(
  { weight: 5, arbitrary: fc.constant('repository') },
  { weight: 3, arbitrary: fc.constant('ref') },
  { weight: 1, arbitrary: fc.constantFrom('repository_owner', 'sub', 'é', '__proto__', 'constructor') },
)

/** Mostly plain pieces; the weights decide how often anything matches at all. */
function textOf(...kinds: [weight: number, pieces: readonly string[]][]): fc.Arbitrary<string> {
  const piece = fc.oneof(...kinds.map(([weight, pieces]) => ({ weight, arbitrary: fc.constantFrom(...pieces) })))
  return fc.array(piece, { minLength: 0, maxLength: 6, size: 'max' }).map((pieces) => pieces.join(''))
}

const path = fc.constantFrom(
  'acme/app',
  'acme',
  'acme/app/web',
  'Acme/App',
  'a/a',
  'refs/heads/main',
  'refs/tags/v1',
  '501',
)
const longText = fc
  .tuple(fc.constantFrom('a', 'a/', 'é', '\u{1f600}', '*', '-'), fc.constantFrom(64, 255, 256, 300, 1024, 1025, 10_000))
  .map(([piece, length]) => piece.repeat(length))

/** Claims that begin or end like a repository name, and would be a pattern or another name if they were inserted. */
const almostNames = [
  '*',
  '**',
  'acme/*',
  'acme/**',
  'a**',
  'acme/app\n',
  '\nacme/app',
  'acme/app/',
  'acme/\u212a',
  '../acme',
]

const claimText = fc.oneof(
  { weight: 8, arbitrary: path },
  { weight: 6, arbitrary: textOf([8, plain], [1, hostile]) },
  { weight: 2, arbitrary: textOf([2, plain], [2, hostile], [1, halves], [1, wildcards]) },
  { weight: 2, arbitrary: fc.constantFrom(...almostNames) },
  { weight: 1, arbitrary: longText },
)
const numbers = fc.constantFrom(0, -0, 501, -1, 0.5, 1e21, 2 ** 53, 2 ** 53 - 1, -(2 ** 53) + 1, 1e300)
const claimValue = fc.oneof(
  { weight: 20, arbitrary: claimText },
  { weight: 2, arbitrary: numbers },
  { weight: 1, arbitrary: fc.constantFrom(true, false, null, [], ['acme'], {}, { acme: 'app' }) },
)
const claims: fc.Arbitrary<Claims> = fc
  .array(fc.tuple(claimName, claimValue), { minLength: 1, maxLength: 5, size: 'max' })
  // JSON.parse and Object.fromEntries make `__proto__` a key like any other.
  .map((entries) => Object.fromEntries(entries))

/** A pattern or a name made from one of the case's own claims, so that it is near enough to match now and then. */
type FromClaims = (claims: Claims, claim: string) => string

const textIn = (claims: Claims, claim: string) => (Object.hasOwn(claims, claim) ? String(claims[claim]) : 'acme/app')
const asIs =
  (text: string): FromClaims =>
  () =>
    text

/** A claim with a part of it replaced, mostly by a wildcard, mostly one that fits. */
const cutClaim = fc
  .record({ at: fc.nat(8), length: fc.nat(8), put: fc.constantFrom('', '*', '**', '**', '**', 'a*', '/') })
  .map(
    ({ at, length, put }): FromClaims =>
      (claims, claim) => {
        const characters = [...textIn(claims, claim)]
        // Half a surrogate pair is refused in a rule before it is compiled, so no document holds one.
        return characters.toSpliced(at, length, put).join('').slice(0, 2000).toWellFormed()
      },
  )

const pattern = fc.oneof(
  { weight: 4, arbitrary: path },
  {
    weight: 4,
    arbitrary: fc.constantFrom('**', 'acme/*', 'acme/**', 'refs/heads/*', 'refs/*/*', '*', '**/a', 'true', '501'),
  },
  { weight: 4, arbitrary: textOf([6, plain], [4, wildcards], [1, hostile]) },
  { weight: 1, arbitrary: fc.constantFrom(...['*a', '**a', '*a*/', '**/*'].map((piece) => `${piece.repeat(8)}b`)) },
)
/** A claim in another case, which is the same name at its platform, and with letters that only look or sound alike. */
const otherCase = fc
  .constantFrom<(text: string) => string>(
    (text) => text.toUpperCase(),
    (text) => text.toLowerCase(),
    (text) => text.replace(/k/gi, '\u212a').replace(/i/gi, '\u0130').replace(/s/gi, '\u017f'),
    (text) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}*`,
  )
  .map(
    (change): FromClaims =>
      (claims, claim) =>
        change(textIn(claims, claim)).slice(0, 2000).toWellFormed(),
  )

const nearPattern = fc.oneof(
  { weight: 1, arbitrary: otherCase },
  { weight: 2, arbitrary: pattern.map(asIs) },
  { weight: 3, arbitrary: cutClaim },
)
const nameTemplate = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '{repository}',
      '{repository}/**',
      '{repository_owner}/**',
      '{ref}',
      '{sub}/*',
      'acme/*',
      '**',
    ),
  },
  {
    weight: 4,
    arbitrary: textOf([6, plain], [2, wildcards], [2, ['{repository}', '{ref}', '{é}', '{}', '{__proto__}']]),
  },
  { weight: 1, arbitrary: textOf([2, plain], [2, hostile], [1, wildcards]) },
)

const mostlyGithub = fc.oneof(
  { weight: 8, arbitrary: fc.constant('github') },
  { weight: 1, arbitrary: fc.constantFrom('gitlab', 'oidc') },
)

const fullRule = fc.record({
  number: fc.constant(0),
  source: mostlyGithub,
  claims: fc.array(fc.tuple(claimName, fc.array(nearPattern, { minLength: 0, maxLength: 4, size: 'max' })), {
    minLength: 1,
    maxLength: 2,
    size: 'max',
  }),
  push: fc.array(nameTemplate, { maxLength: 2, size: 'max' }),
  pull: fc.array(nameTemplate, { maxLength: 2, size: 'max' }),
  delete: fc.array(nameTemplate, { maxLength: 1, size: 'max' }),
  catalog: fc.boolean(),
})

/** What a person would write; a rule that is refused is left out. */
const shortForm = fc
  .array(claimText, { minLength: 1, maxLength: 2 })
  .map(
    (owners): readonly TrustRule[] => parseRules({ github: { owners }, gitlab: { namespaces: owners } }, sources).rules,
  )

const rules = fc
  .tuple(fc.array(fullRule, { minLength: 0, maxLength: 4, size: 'max' }), fc.oneof(fc.constant([]), shortForm))
  .map(([full, short]) => (claims: Claims): TrustRule[] => {
    const near = full.map((rule) => ({
      ...rule,
      claims: rule.claims.map(([claim, of]) => [claim, of.map((make) => make(claims, claim))] as const),
    }))
    return [...near, ...short].map((rule, index) => ({ ...rule, number: index + 1 }))
  })

const actions = fc
  .array(fc.constantFrom('pull', 'push', 'push', 'delete', '*', '*', '**', '', 'PULL', 'pull ', 'admin'), {
    maxLength: 4,
    size: 'max',
  })
  .map((list) => list.join(','))
const scopeType = fc.oneof(
  { weight: 12, arbitrary: fc.constant('repository') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('registry', 'repository(plugin)', 'Repository', '', 'repository:', 'toString'),
  },
)
const scopeName = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom('acme/app', 'acme/app/web', 'acme', 'a/a', 'refs/heads/main', '501', 'evil/app'),
  },
  { weight: 1, arbitrary: fc.constantFrom('catalog', 'localhost:5000/acme/app', 'host:x/a', 'acme/app\n', 'Acme/App') },
  { weight: 2, arbitrary: textOf([8, plain], [1, hostile]) },
  { weight: 1, arbitrary: textOf([1, plain], [2, hostile], [1, halves], [1, wildcards]) },
  { weight: 1, arbitrary: longText },
)
/** A claim as a repository's name, as a client would lower-case it, and something below it. */
const nameFromClaim = fc.tuple(claimName, fc.constantFrom('', '', '/web', '/web/a', '*'), fc.boolean()).map(
  ([claim, below, lower]): FromClaims =>
    (claims) => {
      const name = textIn(claims, claim)
      return (lower ? name.toLowerCase() : name) + below
    },
)
const nearName = fc.oneof({ weight: 1, arbitrary: scopeName.map(asIs) }, { weight: 1, arbitrary: nameFromClaim })
const oddScope = fc.oneof(
  fc.constantFrom('registry:catalog:*', 'registry:catalog:pull', 'openid', ':', '::', '', ' '),
  textOf([2, plain], [2, hostile]),
)
const scope = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(scopeType, nearName, actions).map(
      ([type, name, list]): FromClaims =>
        (claims, claim) =>
          `${type}:${name(claims, claim)}:${list}`,
    ),
  },
  { weight: 1, arbitrary: oddScope.map(asIs) },
)
const manyScopes = fc
  .tuple(fc.constantFrom(499, 500, 501), scope)
  .map(([count, last]) => [
    ...Array.from({ length: count }, (_, index) => asIs(`repository:acme/a${index}:pull`)),
    last,
  ])
const scopes = fc.oneof(
  { weight: 200, arbitrary: fc.array(scope, { minLength: 0, maxLength: 4, size: 'max' }) },
  { weight: 1, arbitrary: manyScopes },
)

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

/**
 * Requests for the parsers of the token service: right ones, almost right ones, and garbage, each with secrets in it.
 */
import fc from 'fast-check'
import { audience, githubClaims } from '../../trust/decision/policy.fixture.ts'

/** One request to `/token`, and which parts of it must never appear anywhere. */
export interface RequestCase {
  readonly authorization: string | undefined
  readonly query: string
  /** The body of a POST; without it the request is a GET. */
  readonly form: string | undefined
  readonly secrets: readonly string[]
}

/** Long enough to be in no sentence by chance. */
const secret = fc.stringMatching(/^[a-zA-Z0-9]{16}$/)

const odd = [
  ...['', ' ', '+', '%', '%zz', '%00', '%0a', '%c3%28', '&', '=', ';', '#', '?', ':', '::', ',', '"', '\\', '{', '*'],
  ...['\u0000', '\n', '\r\n', '\t', '\u007f', '\u00e9', '\u2028', '\ufeff', '\u{1f600}', '\ud83d', '__proto__', '../'],
]
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...odd) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('x', 'é', '%41', 'a/')
      .chain((text) => fc.constantFrom(600, 30_000).map((n) => text.repeat(n))),
  },
)
/** The same text most of the time, now and then with something odd before, behind or within. */
const damaged = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.oneof({ weight: 15, arbitrary: fc.constant('') }, piece), fc.nat()).map(([whole, bit, at]) => {
    const place = whole.length === 0 ? 0 : at % (whole.length + 1)
    return whole.slice(0, place) + bit + whole.slice(place)
  })

const usualScopes = [
  ...['repository:acme/app:pull,push', 'registry:catalog:*', 'repository(plugin):a:pull', 'repository::', ':', ''],
  ...['repository:localhost:5000/acme/app:pull,,pull,', 'openid', 'repository:Acme/App:PULL'],
]
const scope = damaged(
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...usualScopes) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  ),
)
const scopes = fc.oneof(
  { weight: 20, arbitrary: fc.array(scope, { maxLength: 4 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(99, 100, 101).map((n) => Array.from({ length: n }, (_, i) => `x:${i}:pull`)),
  },
)
const other = fc.constantFrom(
  ['service', 'docker-registry'],
  ['service', ''],
  ['service', 'another'],
  ['offline_token', 'true'],
  ['access_type', 'offline'],
  ['account', 'JWT'],
  ['client_id', 'docker'],
)

/** Percent-encoded as clients do, or as it is. */
const encoded = (pairs: readonly (readonly string[])[], raw: boolean) => {
  if (raw) return pairs.map(([name = '', value = '']) => `${name}=${value}`).join('&')
  return new URLSearchParams(
    pairs.map(([name = '', value = '']): [string, string] => [name, value.toWellFormed()]),
  ).toString()
}

const query = fc
  .tuple(scopes, fc.array(other, { maxLength: 3 }), fc.boolean())
  .map(([words, more, raw]) => encoded([...words.map((word) => ['scope', word]), ...more], raw))

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
/** A JWT whose signature is the secret, so that all of it must stay hidden. */
const jwt = (hidden: string) =>
  fc
    .record({
      header: fc.constantFrom<object>({ alg: 'RS256', kid: 'key' }, { alg: 'ES256', kid: 'key' }, { alg: 'none' }, []),
      claims: fc.constantFrom<object>(
        { ...githubClaims, aud: audience, exp: 4e9 },
        { ...githubClaims, aud: audience, exp: 4e9 },
        { ...githubClaims, aud: 'another', repository: 'x'.repeat(5_000), exp: 4e9 },
        { iss: 'https://authentik.example/', aud: ['ci-session', 'x'], ci: { source: 'github', claims: {} } },
        { exp: 'never', aud: [1, null], iss: {} },
        { ci: null, exp: 1 },
      ),
    })
    .map(({ header, claims }) => `${part(header)}.${part(claims)}.${hidden}`)

const password = (hidden: string) =>
  fc.oneof(
    { weight: 6, arbitrary: jwt(hidden) },
    { weight: 2, arbitrary: fc.constant(hidden) },
    damaged(fc.constant(hidden)),
  )
const username = (hidden: string) => fc.constantFrom('JWT', 'JWT', 'JWT', 'JWT', 'deploy', '', hidden, `a:${hidden}`)

const basic = (hidden: readonly string[]) =>
  fc
    .tuple(
      username(hidden[0] ?? ''),
      password(hidden[1] ?? ''),
      fc.constantFrom('Basic ', 'Basic ', 'Basic ', 'basic  ', 'Bearer ', 'Basic', ''),
    )
    .map(([name, word, scheme]) => scheme + Buffer.from(`${name}:${word}`).toString('base64'))

const form = (hidden: readonly string[]) =>
  fc
    .record({
      grant: fc.constantFrom('password', 'refresh_token', 'authorization_code', ''),
      twice: fc.constantFrom('grant_type', 'password', 'scope', 'none', 'none'),
      name: username(hidden[0] ?? ''),
      word: password(hidden[1] ?? ''),
      words: scopes,
      raw: fc.boolean(),
    })
    .map(({ grant, twice, name, word, words, raw }) => {
      const pairs = [
        ['grant_type', grant],
        ['username', name],
        ['password', word],
        ['refresh_token', word],
        ['scope', words.join(' ')],
      ]
      return encoded([...pairs, ...pairs.filter(([field]) => field === twice)], raw)
    })

/** Everything above, in one request. */
export const anyRequest: fc.Arbitrary<RequestCase> = fc.tuple(secret, secret).chain((hidden) =>
  fc.record({
    authorization: fc.oneof(
      { weight: 6, arbitrary: basic(hidden) },
      { weight: 2, arbitrary: damaged(basic(hidden)) },
      { weight: 1, arbitrary: fc.constant(undefined) },
    ),
    query: fc.oneof({ weight: 6, arbitrary: query }, fc.string({ unit: 'binary', maxLength: 60 })),
    form: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 4, arbitrary: form(hidden) },
      { weight: 1, arbitrary: damaged(form(hidden)) },
    ),
    secrets: fc.constant(hidden),
  }),
)

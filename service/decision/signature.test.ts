import type { RequestListener } from 'node:http'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeIssuer, fakeIssuer, type IssuerKey, issuerKey } from '../../test/fake-issuer.ts'
import { answerJson } from '../../test/fake-upstream.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { type CheckSignature, createCheckSignature } from './signature.ts'

/** No answer that comes is too late, however busy the machine is; of those that never come a test says so. */
const PATIENT_MS = 60_000
const IMPATIENT_MS = 50
const limits = { jwksCooldownMs: 30_000, jwksMaxAgeMs: 600_000, jwksTimeoutMs: PATIENT_MS, jwksBytes: 20_000 }
const ISSUER = 'https://ci.example'

let key: IssuerKey
let newKey: IssuerKey
/** Another key under the id of the first. */
let forger: IssuerKey
let rsa: IssuerKey
let issuer: FakeIssuer
let check: (token: string) => ReturnType<CheckSignature>

beforeAll(async () => {
  ;[key, newKey, forger, rsa] = await Promise.all([
    issuerKey('one'),
    issuerKey('two'),
    issuerKey('one'),
    issuerKey('rsa', 'RS256'),
  ])
})
beforeEach(async () => {
  // The library and the pause both go by a clock that the test moves; time-outs stay real.
  vi.useFakeTimers({ toFake: ['Date'] })
  issuer = await fakeIssuer(key, rsa)
  check = checkWith({ jwksUrl: issuer.jwksUrl })
})
afterEach(async () => {
  vi.useRealTimers()
  limits.jwksTimeoutMs = PATIENT_MS
  await issuer[Symbol.asyncDispose]()
})

const checkWith = (keys: IssuerKeys) => {
  const checkSignature = createCheckSignature(new Map([[ISSUER, keys]]), limits, Date.now)
  return (token: string) => checkSignature(ISSUER, token)
}
const pass = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds)
const claims = { sub: 'job' }

describe('a signature', () => {
  it('by a key of the issuer is good, and the keys are fetched once', async () => {
    for (const signed of [await key.sign(claims), await rsa.sign(claims), await key.sign({ sub: 'another' })]) {
      expect(await check(signed)).toBe('good')
    }
    expect(issuer.asked).toEqual(['/jwks'])
  })

  it('is not looked at where nobody said whose keys count', async () => {
    const nobody = createCheckSignature(new Map(), limits, Date.now)
    expect(await nobody(ISSUER, unsignedToken(claims))).toBe('unchecked')
  })

  it('is not held against the keys of another issuer, whatever the token says', async () => {
    const both = createCheckSignature(
      new Map([
        [ISSUER, { jwks: { keys: [key.jwk] } }],
        ['https://other.example', { jwks: { keys: [newKey.jwk] } }],
      ]),
      limits,
      Date.now,
    )
    const token = await newKey.sign({ ...claims, iss: 'https://other.example' })
    expect(await both(ISSUER, token)).toBe('key_unknown')
    expect(await both('https://other.example', token)).toBe('good')
  })

  /** The token with one of its three parts replaced. */
  const exchanged = async (index: number, part: string) =>
    (await key.sign(claims)).split('.').with(index, part).join('.')
  const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

  it.each<[string, () => Promise<string>]>([
    ['by another key under the same id', () => forger.sign(claims)],
    ['over other claims', () => exchanged(1, base64({ sub: 'admin' }))],
    ['that is none', () => exchanged(2, Buffer.from('no signature at all').toString('base64url'))],
    ['that is empty', () => exchanged(2, '')],
    ['that is no base64', () => exchanged(2, '%%%')],
    ['of another token', async () => exchanged(2, (await key.sign({ sub: 'other' })).split('.')[2] ?? '')],
    ['by an algorithm that does not exist', () => exchanged(0, base64({ alg: 'RS999', kid: 'one' }))],
    [
      'with an extension that nobody knows',
      () => exchanged(0, base64({ alg: 'ES256', kid: 'one', crit: ['x'], x: 1 })),
    ],
    ['by a shared secret', () => exchanged(0, base64({ alg: 'HS256', kid: 'one' }))],
    ['by nobody', () => exchanged(0, base64({ alg: 'none', kid: 'one' }))],
  ])('%s is invalid', async (_, forge) => {
    expect(await check(await forge())).toBe('signature_invalid')
    // And does not keep the next one from being looked at.
    expect(await check(await forger.sign(claims))).toBe('signature_invalid')
    expect(await check(await key.sign(claims))).toBe('good')
  })

  it.each<[string, object]>([
    ['an id that the issuer does not have', { kid: 'unheard-of' }],
    ['the id of a key of another kind', { kid: 'rsa' }],
  ])('by %s is by an unknown key', async (_, header) => {
    expect(await check(await forger.sign(claims, header))).toBe('key_unknown')
  })

  it('by one of two keys under the same id is left to authentik, and the others are looked at all the same', async () => {
    issuer.keys = [key, forger, rsa]
    expect(await check(await key.sign(claims))).toBe('unchecked')
    expect(await check(await rsa.sign(claims))).toBe('good')
  })
})

describe('keys that change', () => {
  it('are seen when a token names a new one', async () => {
    expect(await check(await key.sign(claims))).toBe('good')
    issuer.keys = [key, newKey]
    pass(limits.jwksCooldownMs)
    expect(await check(await newKey.sign(claims))).toBe('good')
    expect(await check(await key.sign(claims))).toBe('good')
    expect(issuer.asked).toHaveLength(2)
  })

  it('are looked for once for an unknown id, and then not before a pause is over', async () => {
    const stranger = await issuerKey('unheard-of')
    await check(await key.sign(claims))
    pass(limits.jwksCooldownMs)
    for (let forged = 0; forged < 20; forged++) expect(await check(await stranger.sign(claims))).toBe('key_unknown')
    expect(issuer.asked).toHaveLength(2)
    pass(limits.jwksCooldownMs)
    expect(await check(await stranger.sign(claims))).toBe('key_unknown')
    expect(issuer.asked).toHaveLength(3)
  })

  it('are looked for once, however many ask at once', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => key.sign({ jti: String(index) })))
    expect(new Set(await Promise.all(tokens.map(check)))).toEqual(new Set(['good']))
    expect(issuer.asked).toHaveLength(1)
  })

  it('and are gone count no longer, when their time is over', async () => {
    await check(await key.sign(claims))
    issuer.keys = [newKey]
    pass(limits.jwksMaxAgeMs - 1)
    expect(await check(await key.sign(claims))).toBe('good')
    pass(1)
    expect(await check(await key.sign(claims))).toBe('key_unknown')
  })
})

/** Answers that only our own time-out ends. */
const never: RequestListener = () => {}
const stops: RequestListener = (_, response) => void response.writeHead(200).write('{')

describe('where the keys cannot be had, authentik decides', () => {
  it.each<[string, RequestListener]>([
    ['the server fails', answerJson(500, { keys: [] })],
    ['the server has none', answerJson(404, {})],
    ['the answer is no key set', answerJson(200, { keys: 'none' })],
    ['the answer is a page', (_, response) => response.writeHead(200).end('<p>')],
    ['the answer is elsewhere', (_, response) => response.writeHead(302, { location: '/jwks2' }).end()],
    ['the answer is too large', answerJson(200, { keys: [{ kty: 'EC', x: 'x'.repeat(limits.jwksBytes) }] })],
    [
      'the answer never ends',
      (_, response) => {
        response.writeHead(200)
        const pour = () => {
          while (response.writable && response.write(' '.repeat(1_000))) {}
        }
        response.on('drain', pour)
        pour()
      },
    ],
    ['the connection breaks', (request) => request.socket.resetAndDestroy()],
    ['there is no answer', never],
    ['the answer stops', stops],
  ])('%s: with a pause until the next try', async (_, answer) => {
    issuer.answer = answer
    if (answer === never || answer === stops) limits.jwksTimeoutMs = IMPATIENT_MS
    expect(await check(await forger.sign(claims))).toBe('unchecked')

    limits.jwksTimeoutMs = PATIENT_MS
    issuer.answer = undefined
    pass(limits.jwksCooldownMs - 1)
    expect(await check(await forger.sign(claims))).toBe('unchecked')
    // On a busy machine the impatient call may have ended before it reached the server.
    expect(issuer.asked.length).toBeLessThanOrEqual(1)
    pass(1)
    expect(await check(await forger.sign(claims))).toBe('signature_invalid')
    expect(await check(await key.sign(claims))).toBe('good')
  })

  it('nobody is there', async () => {
    await issuer[Symbol.asyncDispose]()
    expect(await check(await key.sign(claims))).toBe('unchecked')
  })
})

describe('where the keys are found by discovery', () => {
  beforeEach(() => {
    check = checkWith({ wellKnownUrl: issuer.wellKnownUrl })
  })

  it('the document is read once, and then the keys', async () => {
    expect(await check(await key.sign(claims))).toBe('good')
    expect(await check(await forger.sign(claims))).toBe('signature_invalid')
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/jwks'])
  })

  it.each<[string, RequestListener]>([
    ['is missing', answerJson(404, {})],
    ['names no address', answerJson(200, { issuer: ISSUER })],
    ['names a file', answerJson(200, { jwks_uri: 'file:///etc/passwd' })],
    ['is no JSON', (_, response) => response.writeHead(200).end('<p>')],
    ['is elsewhere', (_, response) => response.writeHead(301, { location: '/jwks' }).end()],
    ['does not come', never],
  ])('and it %s, authentik decides until the next try', async (_, answer) => {
    issuer.answer = answer
    if (answer === never) limits.jwksTimeoutMs = IMPATIENT_MS
    expect(await check(await key.sign(claims))).toBe('unchecked')
    expect(await check(await key.sign(claims))).toBe('unchecked')
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration'])
    limits.jwksTimeoutMs = PATIENT_MS
    issuer.answer = undefined
    pass(limits.jwksCooldownMs)
    expect(await check(await key.sign(claims))).toBe('good')
  })
})

it('takes keys that are given as they are', async () => {
  check = checkWith({ jwks: { keys: [key.jwk] } })
  expect(await check(await key.sign(claims))).toBe('good')
  expect(await check(await forger.sign(claims))).toBe('signature_invalid')
  expect(await check(await newKey.sign(claims))).toBe('key_unknown')
})

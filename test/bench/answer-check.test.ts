import { describe, expect, test } from 'vitest'
import { countAnswer, failuresIn, mistakeIn, mistakesIn, noAnswers } from './answer-check.ts'
import type { Outcome } from './http-socket.ts'
import { registryToken } from './jwt.ts'
import { createWorkload } from './workloads.ts'

const nowMs = 1_785_000_000_500
const nowSeconds = Math.floor(nowMs / 1000)
const settings = {
  run: 'test',
  url: 'http://127.0.0.1:9001/token',
  service: 'docker-registry',
  scope: 'repository:acme/app:pull,push',
  issuedAt: nowSeconds,
}
const [ask, another] = [createWorkload('unique', settings)(0), createWorkload('unique', settings)(1)]

const outcome = (status: number, body: object, headers = ''): Outcome => ({
  status,
  head: `HTTP/1.1 ${status} x${headers}`,
  body: Buffer.from(JSON.stringify(body)),
  last: false,
})
const tokens = (token: string, more: object = {}) =>
  outcome(200, {
    token,
    access_token: token,
    expires_in: 600,
    issued_at: new Date(nowMs).toISOString(),
    ...more,
  })
const look = (seen: Outcome, refusable = false) =>
  mistakeIn(ask, seen, { mayRefuse: (jwt) => refusable && jwt === ask.jwt, nowMs })

describe('mistakeIn', () => {
  const token = registryToken(ask.jwt, ask.scopes, nowSeconds, 600)
  test('finds none in the token that was asked for, in whatever order it names the actions', () => {
    expect(look(tokens(token))).toBeUndefined()
    expect(look(tokens(registryToken(ask.jwt, ['repository:acme/app:push,pull'], nowSeconds, 600)))).toBeUndefined()
  })
  test.each([
    ['another credential', tokens(registryToken(another.jwt, ask.scopes, nowSeconds, 600))],
    ['other scopes', tokens(registryToken(ask.jwt, ['repository:acme/app:pull'], nowSeconds, 600))],
    ['other scopes', tokens(registryToken(ask.jwt, [], nowSeconds, 600))],
    ['is over', tokens(registryToken(ask.jwt, ask.scopes, nowSeconds - 600, 600))],
    ['two different tokens', tokens(token, { access_token: 'x' })],
    ['lives longer than it does', tokens(token, { expires_in: 605 })],
    ['without a token', outcome(200, { errors: [] })],
    ['without Retry-After', outcome(503, {})],
    ['500', outcome(500, {})],
    ['401 though nothing was refused', outcome(401, {})],
    ['broke: ECONNRESET', { broken: 'ECONNRESET' }],
  ])('finds: %s', (mistake, seen) => {
    expect(look(seen)).toContain(mistake)
  })
  test('allows an honest failure', () => {
    expect(look(outcome(503, {}, '\r\nRetry-After: 5'))).toBeUndefined()
    expect(look(outcome(429, {}, '\r\nretry-after: 1'))).toBeUndefined()
    expect(look(outcome(401, {}), true)).toBeUndefined()
  })
})

describe('a count', () => {
  test('reports statuses, failures and a few kinds of mistake', () => {
    const count = noAnswers()
    countAnswer(count, outcome(200, {}), undefined)
    for (let index = 0; index < 20; index++) countAnswer(count, { broken: 'EPIPE' }, `mistake ${index}`)
    expect(count.byStatus).toEqual({ 200: 1, broken: 20 })
    expect(failuresIn(count)).toBe(20)
    expect(count.wrong).toBe(20)
    expect(mistakesIn([count, count])).toHaveLength(11)
    expect(mistakesIn([count, count])).toContain('2 x mistake 0')
  })
})

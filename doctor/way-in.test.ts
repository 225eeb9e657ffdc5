import { describe, expect, test } from 'vitest'
import { checkClock, readCertificate, readChallenge } from './way-in.ts'

const now = Date.parse('2026-11-26T12:00:00Z')
const DAY_MS = 86_400_000

describe('the certificate', () => {
  test.each([
    [undefined, 90, 'ok', 'expires in 90 days'],
    [undefined, 13, 'wrong', 'expires in 13 days'],
    [undefined, -1, 'wrong', 'expires in -1 days'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 90, 'wrong', 'not trusted: SELF_SIGNED_CERT_IN_CHAIN'],
  ])('with problem %s and %d days left is %s', (problem, days, state, found) => {
    expect(readCertificate(problem, now + days * DAY_MS, now)).toMatchObject({
      state,
      found: expect.stringContaining(found),
    })
  })
})

describe('the clock', () => {
  test.each([
    ['Thu, 26 Nov 2026 12:00:20 GMT', 'ok'],
    ['Thu, 26 Nov 2026 12:01:00 GMT', 'wrong'],
    ['Thu, 26 Nov 2026 11:59:00 GMT', 'wrong'],
    [null, 'skipped'],
  ])('of %s is %s', (date, state) => expect(checkClock(date, now).state).toBe(state))
})

describe('the challenge', () => {
  test('names realm and service, on https for a public name', () => {
    const header = 'Bearer realm="https://registry.example.com/token",service="docker-registry"'
    const { finding, challenge } = readChallenge('registry.example.com', 401, header)
    expect(finding.state).toBe('ok')
    expect(challenge).toEqual({ realm: 'https://registry.example.com/token', service: 'docker-registry' })
    expect(readChallenge('registry.example.com', 401, header.replace('https', 'http')).finding.state).toBe('wrong')
    expect(readChallenge('registry.example.com', 401, 'Basic realm="x"').challenge).toBeUndefined()
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenError } from '../errors.ts'
import { limits } from '../limits.ts'
import { readForm, readGrant } from './form.ts'

const grant = (form: string) => readGrant(new URLSearchParams(form), 'JWT', limits)
const failsWith = (reason: string) => expect.objectContaining({ name: 'TokenError', reason })

describe('readForm', () => {
  it('reads a form, whatever its charset is said to be', () => {
    const text = readForm('Application/X-WWW-Form-Urlencoded; charset=utf-8', Buffer.from('a=%C3%B6+x&b=&%zz'))
    expect([...new URLSearchParams(text)]).toEqual([
      ['a', 'ö x'],
      ['b', ''],
      ['%zz', ''],
    ])
  })

  it.each([undefined, '', 'text/plain', 'application/x-www-form-urlencoded-not'])('takes no %s', (type) => {
    expect(() => readForm(type, Buffer.from('a=b'))).toThrow(failsWith('form_expected'))
  })
})

describe('readGrant', () => {
  it('knows a session', () => {
    const credential = grant('grant_type=refresh_token&refresh_token=a.b.c&service=r&client_id=docker')
    expect(credential.kind === 'session' && credential.jwt.reveal()).toBe('a.b.c')
  })

  it('knows a CI token and a user by their name', () => {
    expect(grant('grant_type=password&username=JWT&password=a.b.c')).toMatchObject({ kind: 'ci_token' })
    expect(grant('grant_type=password&username=deploy&password=p')).toMatchObject({ kind: 'password' })
  })

  it.each([
    '',
    'grant_type=',
    'grant_type=authorization_code&code=x',
    'grant_type=PASSWORD',
    'username=JWT&password=a',
  ])('says which grants there are to %j, with a status that makes clients come back with GET', (form) => {
    expect(() => grant(form)).toThrow(failsWith('grant_unsupported'))
    expect(() => grant(form)).toThrow(/grant_type=refresh_token .* grant_type=password .* use GET/)
  })

  it.each([
    'grant_type=password&grant_type=refresh_token&refresh_token=a',
    'grant_type=refresh_token&refresh_token=a&refresh_token=b',
    'grant_type=password&username=a&username=JWT&password=p',
  ])('does not choose among several values: %s', (form) => {
    expect(() => grant(form)).toThrow(failsWith('form_malformed'))
  })

  it('makes of any form a credential or a TokenError, and shows nothing of it', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', minLength: 8 }), fc.constant('JWT'), fc.constant(''))
    const field = fc.tuple(fc.constantFrom('grant_type', 'username', 'password', 'refresh_token', 'scope'), text)
    const grants = fc.constantFrom('password', 'refresh_token', 'client_credentials')
    let taken = 0
    fc.assert(
      fc.property(grants, fc.array(field, { maxLength: 4 }), (type, fields) => {
        const form = new URLSearchParams([['grant_type', type], ...fields])
        let shown: string
        try {
          shown = JSON.stringify(readGrant(form, 'JWT', limits))
          taken += 1
        } catch (error) {
          expect(error).toBeInstanceOf(TokenError)
          shown = (error as Error).message
        }
        const secret = fields.filter(([name, value]) => name !== 'username' && value.length >= 8)
        for (const [, value] of secret) expect(shown).not.toContain(value)
      }),
      { numRuns: 2000 },
    )
    expect(taken).toBeGreaterThan(50)
  })
})

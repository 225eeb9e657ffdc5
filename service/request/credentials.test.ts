import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../limits.ts'
import { Secret } from '../secret.ts'
import { anonymousCredential, passwordCredential, readCredential, sessionCredential } from './credentials.ts'

const basic = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`
const read = (header: string | undefined) => readCredential(header, 'JWT', limits)
const failsWith = (reason: string) => expect.objectContaining({ name: 'TokenError', reason })

describe('readCredential', () => {
  it('knows the user name whose password is a CI token', () => {
    const credential = read(basic('JWT:header.claims.signature'))
    expect(credential?.kind === 'ci_token' && credential.jwt.reveal()).toBe('header.claims.signature')
  })

  it('takes the password of anyone else as it is, colons and all', () => {
    const credential = read(basic('jwt:pass:wörd '))
    expect(credential).toMatchObject({ kind: 'password', username: 'jwt' })
    expect(credential?.kind === 'password' && credential.password.reveal()).toBe('pass:wörd ')
  })

  it('takes the password of nobody for a session, as BuildKit sends it', () => {
    const credential = read(basic(':header.claims.signature'))
    expect(credential?.kind === 'session' && credential.jwt.reveal()).toBe('header.claims.signature')
  })

  it('is not particular about the case of the scheme', () => {
    expect(read(basic('JWT:a').replace('Basic', 'bAsIc'))).toMatchObject({ kind: 'ci_token' })
  })

  it('gives nothing when there is no header', () => {
    expect(read(undefined)).toBeUndefined()
  })

  it.each([
    ['another scheme', 'Bearer abc', 'credentials_missing'],
    ['an empty header', '', 'credentials_missing'],
    ['nothing after the scheme', 'Basic', 'credentials_malformed'],
    ['what is not base64', 'Basic %%%', 'credentials_malformed'],
    ['two values', 'Basic YTpi YTpi', 'credentials_malformed'],
    ['no colon', basic('JWT'), 'credentials_malformed'],
    ['neither user name nor password', basic(':'), 'credentials_malformed'],
    ['what is not UTF-8', basic(Buffer.from([0x61, 0x3a, 0xff])), 'credentials_malformed'],
    ['a line break', basic('JWT:token\n'), 'credentials_malformed'],
    ['a NUL', basic('a\0:b'), 'credentials_malformed'],
    ['an empty password', basic('someone:'), 'credentials_refused'],
  ])('refuses %s', (_, header, reason) => {
    expect(() => read(header)).toThrow(failsWith(reason))
  })

  it('tells a client that does not read the session of docker login so, and a job without token what to add', () => {
    expect(() => read(basic('JWT:'))).toThrow(
      /^The password is empty: this client does not read the session .*"identitytoken"/,
    )
    expect(() => read(basic('JWT:'))).toThrow(/permissions: id-token: write.*id_tokens/)
    expect(() => read(basic('JWT:'))).not.toThrow(/has no token/)
    expect(() => readCredential(basic('ci:'), 'ci', limits)).toThrow(/as the password of user ci\./)
  })

  it('takes credentials up to the limit', () => {
    const longest = 'x'.repeat(limits.credentialBytes - 'JWT:'.length)
    expect(read(basic(`JWT:${longest}`))).toMatchObject({ kind: 'ci_token' })
    expect(() => read(basic(`JWT:${longest}x`))).toThrow(failsWith('credentials_too_large'))
  })

  it('gives back what any client puts in, and shows it nowhere', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 12, maxLength: 40 }).filter((s) => !/[\p{Cc}:]/u.test(s))
    fc.assert(
      fc.property(text, text, (username, password) => {
        const credential = read(basic(`${username}:${password}`))
        expect(credential?.kind === 'password' && [credential.username, credential.password.reveal()]).toEqual([
          username,
          password,
        ])
        expect(JSON.stringify(credential?.kind === 'password' && credential.password)).toBe('"[secret]"')
      }),
    )
  })

  it('answers anything else with a TokenError that does not repeat it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, unit: 'binary' }), (garbage) => {
        for (const header of [garbage, `Basic ${garbage}`, basic(garbage)]) {
          try {
            read(header)
          } catch (error) {
            expect(error).toMatchObject({ name: 'TokenError' })
            expect((error as Error).message).not.toContain(garbage)
          }
        }
      }),
    )
  })
})

describe('credentials of a form', () => {
  const fromForm = (username: string, password: string) => passwordCredential(username, password, 'JWT', limits)

  it('mean what they mean in the header', () => {
    expect(fromForm('JWT', 'a.b.c')).toEqual(read(basic('JWT:a.b.c')))
    expect(fromForm('deploy', 'pass:wörd ')).toEqual(read(basic('deploy:pass:wörd ')))
    expect(() => fromForm('JWT', '')).toThrow(/permissions: id-token: write.*id_tokens/)
  })

  it.each([
    ['no user name', '', 'secret', 'credentials_malformed'],
    ['a line break', 'JWT', 'token\n', 'credentials_malformed'],
    ['an empty password', 'someone', '', 'credentials_refused'],
    ['too much', 'JWT', 'x'.repeat(limits.credentialBytes), 'credentials_too_large'],
  ])('are refused with %s', (_, username, password, reason) => {
    expect(() => fromForm(username, password)).toThrow(failsWith(reason))
  })

  it('may be a session', () => {
    const credential = sessionCredential('header.claims.signature', limits)
    expect(credential.kind === 'session' && credential.jwt.reveal()).toBe('header.claims.signature')
    expect(() => sessionCredential('', limits)).toThrow(/refresh token is empty; log in again/)
    expect(() => sessionCredential('a\0', limits)).toThrow(failsWith('credentials_malformed'))
    expect(() => sessionCredential('x'.repeat(limits.credentialBytes + 1), limits)).toThrow(
      failsWith('credentials_too_large'),
    )
  })
})

describe('anonymousCredential', () => {
  const noFile = () => Promise.reject(new Error('not to be read'))

  it('asks for a login when nobody may be anonymous', async () => {
    const asked = anonymousCredential({ kind: 'none' }, 'JWT', noFile)
    await expect(asked).rejects.toEqual(failsWith('credentials_missing'))
    await expect(asked).rejects.toThrow(/Log in first: user name JWT/)
  })

  it('is the configured user', async () => {
    const password = new Secret('p')
    const credential = await anonymousCredential({ kind: 'password', username: 'guest', password }, 'JWT', noFile)
    expect(credential).toEqual({ kind: 'password', username: 'guest', password, anonymous: true })
  })

  it('reads the projected token anew each time, since Kubernetes renews it', async () => {
    const contents = ['first\n', 'second\n']
    const readFile = async () => contents.shift() ?? ''
    const ask = async () => {
      const credential = await anonymousCredential({ kind: 'jwt-file', path: '/token' }, 'JWT', readFile)
      return credential.kind === 'ci_token' && credential.jwt.reveal()
    }
    expect([await ask(), await ask()]).toEqual(['first', 'second'])
    await expect(ask()).rejects.toMatchObject({ reason: 'anonymous_unavailable', facts: { cause: 'empty' } })
  })

  it('says which kind of file error it was', async () => {
    const denied = () => Promise.reject(Object.assign(new Error('EACCES: /token'), { code: 'EACCES' }))
    await expect(anonymousCredential({ kind: 'jwt-file', path: '/token' }, 'JWT', denied)).rejects.toMatchObject({
      reason: 'anonymous_unavailable',
      facts: { cause: 'EACCES' },
    })
  })
})

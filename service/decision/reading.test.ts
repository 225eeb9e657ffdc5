import { describe, expect, it } from 'vitest'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { createCredentialDigest, createKeyedHash } from '../request/credential-digest.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import { createReadToken } from './reading.ts'

const digest = createCredentialDigest(createKeyedHash(Buffer.from('secret')))
const read = createReadToken(digest, { readingEntries: 10 })
const ci = (text: string): Credential => ({ kind: 'jwt', jwt: new Secret(text) })
const of = (claims: object) => read(ci(unsignedToken(claims)))

const nothing = {
  isJwt: false,
  endsMs: undefined,
  subject: undefined,
  ref: undefined,
  run: undefined,
  job: undefined,
  claims: undefined,
}

describe('createReadToken', () => {
  const github = { repository: 'acme/app', ref: 'refs/heads/main', run_id: '4711', check_run_id: '4712', sub: 'repo:x' }
  const gitlab = { project_path: 'acme/app', ref: 'main', pipeline_id: '4711', job_id: '4712', sub: 'project_path:x' }

  it.each<[string, object, object]>([
    ['GitHub', github, { subject: 'acme/app', ref: 'refs/heads/main', run: '4711', job: '4712' }],
    ['GitLab', gitlab, { subject: 'acme/app', ref: 'main', run: '4711', job: '4712' }],
    ['anybody else', { sub: 'system:serviceaccount:ci:build' }, { subject: 'system:serviceaccount:ci:build' }],
    ['GitLab, where numbers are numbers', { ...gitlab, job_id: 4712 }, { job: '4712' }],
    [
      'a session of a GitHub job',
      { sub: 'ak-user', ci: { source: 'github', claims: github } },
      { subject: 'acme/app', run: '4711' },
    ],
    ['a session without claims', { sub: 'ak-user', ci: { source: 'github' } }, { subject: 'ak-user' }],
    [
      'claims of other kinds',
      { repository: ['a'], project_path: {}, sub: null, ref: true, run_id: [] },
      { subject: undefined, ref: undefined, run: undefined },
    ],
  ])('knows the job of a token of %s', (_, claims, expected) => {
    expect(of(claims)).toMatchObject({ isJwt: true, ...expected })
  })

  it('keeps the claims that rules are about, as text, of a token and of a session, and no more than a line can take', () => {
    const job = { ...github, repository_id: 101, sha: 'abc', actor: 'someone', environment: ['a'] }
    const kept = { repository: 'acme/app', repository_id: '101', ref: 'refs/heads/main', sub: 'repo:x' }
    expect(of(job).claims).toEqual(kept)
    expect(of({ sub: 'ak-user', ci: { source: 'github', claims: job } }).claims).toEqual(kept)
    const long = Object.fromEntries(['repository_id', 'sub', 'ref'].map((claim) => [claim, 'x'.repeat(1_000)]))
    expect(Object.keys(of(long).claims ?? {})).toHaveLength(2)
  })

  it.each<[unknown, number | undefined]>([
    [1_700_000_000, 1_700_000_000_000],
    [1_700_000_000.5, 1_700_000_000_500],
    ['1700000000', undefined],
    [null, undefined],
  ])('reads of exp %j when the token ends', (exp, endsMs) => expect(of({ exp }).endsMs).toBe(endsMs))

  it.each(['', 'hunter2', 'a.b.c', 'a.b', `${unsignedToken({})}.more`, 'x'.repeat(100_000)])(
    'reads nothing of what is not a JWT, such as a password: %j',
    (text) => expect(read(ci(text))).toEqual(nothing),
  )

  it('reads nothing of user name and password, not even where the password is a token', () => {
    expect(read({ kind: 'password', username: 'a', password: new Secret(unsignedToken(github)) })).toEqual(nothing)
  })

  it('reads a token once, whoever brings it again', () => {
    const token = unsignedToken(github)
    expect(read(ci(token))).toBe(read(ci(token)))
    expect(read(ci(token))).not.toBe(read(ci(unsignedToken({ ...github, jti: '1' }))))
  })

  it('remembers so many', () => {
    const few = createReadToken(digest, { readingEntries: 2 })
    const tokens = ['1', '2', '3'].map((jti) => ci(unsignedToken({ jti })))
    const [first] = tokens.map(few)
    expect(few(tokens[0] ?? ci(''))).not.toBe(first)
    expect(few(tokens[0] ?? ci(''))).toEqual(first)
  })
})

import { describe, expect, it } from 'vitest'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { decodeToken } from '../../trust/decision/decode-token.ts'
import { jobClaims } from './job-claims.ts'

const of = (claims: object) => {
  const token = decodeToken(unsignedToken(claims))
  if (token === undefined) throw new Error('it is a JWT')
  return jobClaims(token)
}

describe('jobClaims', () => {
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
    expect(of(claims)).toMatchObject(expected)
  })

  it('keeps the claims that rules are about, as text, of a token and of a session, and no more than a line can take', () => {
    const job = { ...github, repository_id: 101, sha: 'abc', actor: 'someone', environment: ['a'] }
    const kept = { repository: 'acme/app', repository_id: '101', ref: 'refs/heads/main', sub: 'repo:x' }
    expect(of(job).claims).toEqual(kept)
    expect(of({ sub: 'ak-user', ci: { source: 'github', claims: job } }).claims).toEqual(kept)
    const long = Object.fromEntries(['repository_id', 'sub', 'ref'].map((claim) => [claim, 'x'.repeat(1_000)]))
    expect(Object.keys(of(long).claims)).toHaveLength(2)
  })
})

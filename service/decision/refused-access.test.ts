import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import type { Access } from '../../trust/decision/decide.ts'
import { audience, githubClaims, policy } from '../../trust/decision/policy.fixture.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { Disagreement } from './disagreement.ts'
import { explainRefusedAccess, refusedActions } from './refused-access.ts'

const repository = (name: string, ...actions: string[]): Access => ({ type: 'repository', name, actions })

describe('refusedActions', () => {
  it.each<[string, string[], Access[], string[]]>([
    ['nothing asked, nothing granted', [], [], []],
    ['a pull that is not granted', ['repository:a:pull'], [], ['pull a']],
    ['one pull of two', ['repository:a:pull', 'repository:b:pull'], [repository('b', 'pull')], []],
    ['the catalog', ['registry:catalog:*'], [], ['* catalog']],
    ['the catalog, granted', ['registry:catalog:*'], [{ type: 'registry', name: 'catalog', actions: ['*'] }], []],
    ['a repository of that name is no catalog', ['registry:catalog:*'], [repository('catalog', '*')], ['* catalog']],
    ['a push of which only the pull is granted', ['repository:a:pull,push'], [repository('a', 'pull')], ['push a']],
    ['a push that is granted', ['repository:a:pull,push'], [repository('a', 'pull', 'push')], []],
    [
      'a mount whose source is not granted',
      ['repository:a:pull,push', 'repository:b:pull'],
      [repository('a', 'pull', 'push')],
      [],
    ],
    ['one push of two', ['repository:a:push repository:b:push'], [repository('b', 'push')], []],
    ['none of two', ['repository:a:push repository:b:delete,pull'], [repository('b', 'pull')], ['push a', 'delete b']],
    ['a delete', ['repository:a:delete'], [repository('a', 'pull', 'push')], ['delete a']],
    ['a push granted elsewhere', ['repository:a:push'], [repository('b', 'push')], ['push a']],
    ['the same scope twice', ['repository:a:push', 'repository:a:pull,push'], [], ['push a']],
    [
      'every action, of which nothing changes it',
      ['repository:a:*'],
      [repository('a', 'pull')],
      ['push a', 'delete a'],
    ],
    ['every action, of which one is granted', ['repository:a:*'], [repository('a', 'delete')], []],
    [
      'what no registry knows',
      ['repository(plugin):a:push', 'repository:a:unknown', 'repository:A:push', 'registry:catalog:pull'],
      [],
      [],
    ],
  ])('%s', (_, scopes, access, refused) => {
    expect(refusedActions(scopes, access).map(({ action, name }) => `${action} ${name}`)).toEqual(refused)
  })
})

const job: Credential = { kind: 'ci_token', jwt: new Secret(unsignedToken({ ...githubClaims, aud: audience })) }
/** Of a job that may delete its own images, list the catalog and nothing else. */
const cleaner: Credential = {
  kind: 'ci_token',
  jwt: new Secret(unsignedToken({ ...githubClaims, aud: audience, repository_id: '7', repository_owner_id: '9' })),
}
const user: Credential = { kind: 'password', username: 'deploy', password: new Secret('p') }

/** The sentence for a client that asks for these scopes and gets this grant. */
async function told(
  credential: Credential,
  scopes: string[],
  access: readonly Access[] | undefined,
  { rules = true, asked }: { rules?: boolean; asked?: string[] } = {},
) {
  const reported: Disagreement[] = []
  const issued = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access }
  const exchange = explainRefusedAccess(async () => issued, {
    report: (kind) => reported.push(kind),
  })
  const answer = await exchange({
    credential: presented(credential, rules ? policy : undefined),
    scopes,
    requestId: 'id',
    ...(asked ? { asked } : {}),
  }).then(
    (token) => (token === issued ? 'issued' : 'another token'),
    (error) => `${error.reason}: ${error.message}`,
  )
  return { answer, reported }
}

describe('explainRefusedAccess', () => {
  it('lets through what is granted, in part too, and what cannot be read', async () => {
    expect((await told(job, ['repository:acme/app:push'], [repository('acme/app', 'push')])).answer).toBe('issued')
    expect((await told(job, ['repository:acme/other:push'], undefined)).answer).toBe('issued')
  })

  it('says where the rules let a job push, and that they let it delete nothing', async () => {
    const { answer, reported } = await told(job, ['repository:acme/other:pull,push,delete'], [])
    expect(answer).toBe(
      'push_refused: push to "acme/other", delete in "acme/other" is not granted; the rules let this token push to ' +
        '"acme/app", "acme/app/**"; no rule lets this token delete anything',
    )
    expect(reported).toEqual([])
  })

  it.each([
    ['repository:acme/github:pull,push', /^push_refused: push to "acme\/github" is not granted; .*; repository/],
    ['repository:acme/.github:pull,push', /^push_refused: repository/],
    ['repository:Acme/.GitHub:push', /^push_refused: repository/],
  ])('says that the name of the repository is not that of an image: %s', async (scope, sentence) => {
    const claims = { ...githubClaims, repository: 'acme/.github', aud: audience }
    const credential: Credential = { kind: 'ci_token', jwt: new Secret(unsignedToken(claims)) }
    const { answer } = await told(credential, [scope], [])
    expect(answer).toMatch(sentence)
    expect(answer).toContain('repository "acme/.github" cannot be the name of an image')
    expect(answer).toContain('push: ["acme/github"]')
  })

  it('does not speak of that name about a pull of something else, nor where something is granted', async () => {
    const claims = { ...githubClaims, repository: 'acme/.github', aud: audience }
    const credential: Credential = { kind: 'ci_token', jwt: new Secret(unsignedToken(claims)) }
    expect((await told(credential, ['repository:evil/app:pull'], [])).answer).not.toContain('cannot be the name')
    expect((await told(credential, ['repository:acme/app:pull'], [repository('acme/app', 'pull')])).answer).toBe(
      'issued',
    )
  })

  it('lists a few names and counts the rest', async () => {
    const scopes = Array.from({ length: 50 }, (_, index) => `repository:acme/other-${index}:push`)
    expect((await told(job, scopes, [])).answer).toContain('push to "acme/other-2", 47 more is not granted')
  })

  it('says from where the rules let a job pull, and that they do not let it list the catalog', async () => {
    expect((await told(job, ['repository:evil/app:pull'], [])).answer).toBe(
      'access_refused: pull from "evil/app" is not granted; the rules let this token pull from "acme/**", "acme/app", ' +
        '"acme/app/**"',
    )
    expect((await told(job, ['registry:catalog:*'], [])).answer).toBe(
      'access_refused: listing the repositories is not granted; no rule lets this token list the repositories',
    )
  })

  it('leaves a push alone where the token may delete: crane and regctl ask so, and then for what they need', async () => {
    const app = [repository('acme/app', 'pull')]
    expect((await told(cleaner, ['repository:acme/app:push,pull'], app)).answer).toBe('issued')
    expect((await told(cleaner, ['repository:acme/app:push,pull'], [])).answer).toBe('issued')
    const both = ['repository:acme/app:push,pull', 'repository:acme/app:delete']
    expect((await told(cleaner, both, [repository('acme/app', 'delete')])).answer).toBe('issued')
    expect((await told(cleaner, ['repository:acme/other:push,pull'], [])).answer).toMatch(
      /^push_refused: .*no rule lets/,
    )
    expect((await told(cleaner, ['repository:acme/other:delete'], [])).answer).toMatch(
      /the rules let this token delete in "acme\/app"$/,
    )
  })

  it('looks at what was asked, be it more than what went to authentik', async () => {
    const anonymous = { ...user, anonymous: true } as Credential
    const asked = ['repository:acme/app:pull,push']
    const { answer } = await told(anonymous, ['repository:acme/app:pull'], [repository('acme/app', 'pull')], { asked })
    expect(answer).toBe('push_refused: push to "acme/app" is not granted without login; log in first')
  })

  it('reports a push that the rules here grant and authentik does not', async () => {
    const { answer, reported } = await told(job, ['repository:acme/app:pull,push'], [])
    expect(answer).toMatch(/is not granted by authentik, though the rules here grant it: the user was deactivated/)
    expect(reported).toEqual(['authentik_grants_less'])
  })

  it.each<[string, Credential, boolean, RegExp]>([
    ['a user', user, true, /"acme\/app" is not granted: the user is not in the group that may/],
    ['nobody', { ...user, anonymous: true } as Credential, true, /is not granted without login; log in first$/],
    ['a job, without rules', job, false, /is not granted to this token$/],
  ])('has a sentence for %s', async (_, credential, rules, sentence) => {
    expect((await told(credential, ['repository:acme/app:push'], [], { rules })).answer).toMatch(sentence)
  })
})

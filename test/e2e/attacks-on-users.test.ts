/** People and service accounts with an app password: what their group gives them, and no way around it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { api, only, userOf, userWithAppPassword } from './authentik.ts'
import { jobToken } from './job.ts'
import { askAuthentik, askToken, askWithPassword, type Login, newPush, refresh, sessionOf } from './token-client.ts'

type User = Awaited<ReturnType<typeof userWithAppPassword>>

const push = 'repository:any/thing:pull,push'
let pusher: User
let outsider: User
let leaver: User

beforeAll(async () => {
  pusher = await userWithAppPassword('pusher', ['acl_docker_push'])
  outsider = await userWithAppPassword('outsider', [])
  leaver = await userWithAppPassword('leaver', ['acl_docker_push'])
})
afterAll(async () => {
  for (const { pk } of [pusher, outsider, leaver]) await api('DELETE', `core/users/${pk}/`)
})

describe.each([
  ['GET with Basic', askToken],
  ['POST grant_type=password', askWithPassword],
] as const)('%s', (_, ask) => {
  it('a member of the push group pushes anywhere, and may not delete', async () => {
    expect(await ask(pusher, [push])).toMatchObject({ status: 200, granted: [push] })
    const answer = await ask(pusher, ['repository:any/thing:pull,delete'])
    expect(answer).toMatchObject({ status: 401, token: '' })
    expect(answer.reason).toMatch(/delete in "any\/thing" is not granted/)
  })

  it('a member of the push group lists the catalog, and gets for `*` what the group may do', async () => {
    const catalog = 'registry:catalog:*'
    expect((await ask(pusher, [catalog])).granted).toEqual([catalog])
    expect((await ask(pusher, ['repository:any/thing:*'])).granted).toEqual([push])
  })

  const refused: [string, () => Login, RegExp][] = [
    ['a user outside the groups', () => outsider, /refused user name and password/],
    ['a wrong password', () => ({ ...pusher, password: 'wrong' }), /refused user name and password/],
    ['the user name JWT with an app password', () => ({ ...pusher, username: 'JWT' }), /the password is not a JWT/],
  ]
  it.each(refused)('%s gets nothing', async (_name, login, reason) => {
    const answer = await ask(login(), [push])
    expect(answer).toMatchObject({ status: 401, token: '', session: '' })
    expect(answer.reason).toMatch(reason)
    expect(answer.reason).not.toContain(login().password)
  })

  it('a user name in place of JWT makes no CI token a password', async () => {
    const login = { username: pusher.username, password: await jobToken('github', 'acme/app') }
    expect(await ask(login, [push])).toMatchObject({ status: 401, token: '' })
  })
})

it('a user that an admin deactivated gets nothing', async () => {
  expect((await askToken(leaver, [push])).granted).toEqual([push])
  await api('PATCH', `core/users/${leaver.pk}/`, { is_active: false })
  const answer = await askToken(leaver, [newPush()])
  expect(answer).toMatchObject({ status: 401, token: '' })
  expect(answer.reason).toMatch(/refused user name and password/)
})

it('a job whose user is in the push group gets what rules grant, and nothing by group', async () => {
  const jwt = await jobToken('github', 'acme/app')
  const session = await sessionOf(jwt)
  const group = await only('core/groups', { name: 'acl_docker_push' })
  const users = [await userOf((await askAuthentik(jwt)).token), await userOf(session)]
  for (const { pk } of users) await api('POST', `core/groups/${group.pk}/add_user/`, { pk })
  try {
    for (const assertion of [jwt, session]) {
      const asked = [newPush(), newPush('any/thing'), 'registry:catalog:*']
      expect((await askAuthentik(assertion, asked)).granted).toEqual([asked[0]])
    }
  } finally {
    for (const { pk } of users) await api('POST', `core/groups/${group.pk}/remove_user/`, { pk })
  }
})

it('an app password is not a session', async () => {
  expect(await refresh(pusher.password, [push])).toMatchObject({ status: 401, token: '' })
})

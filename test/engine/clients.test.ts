/** What real clients ask for in their own ways, and what they print when they may not. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { crane, cranePush } from './crane.ts'
import { type PushPath, startPushPath } from './push-path.ts'
import { skopeoCopy, skopeoDelete } from './skopeo.ts'

const main = 'refs/heads/main'
const pusher = { repository: 'acme/app', ref: main }
const cleaner = { repository: 'acme/cleaner', ref: main }
const rules = [
  { source: 'github', claims: { repository: 'acme/app' }, push: 'acme/app' },
  { source: 'github', claims: { repository: 'acme/cleaner' }, pull: 'acme/app', delete: 'acme/app', catalog: true },
]

let path: PushPath
let app: string
beforeAll(async () => {
  path = await startPushPath(rules, 60_000)
  app = `${path.host}/acme/app`
})
afterAll(() => path?.[Symbol.asyncDispose]())

const push = async () => {
  expect(await cranePush(path.image, `${app}:1`, await path.login(pusher))).toMatchObject({ code: 0 })
  return JSON.parse(await readFile(join(path.image, 'index.json'), 'utf8')).manifests[0].digest as string
}

describe('a job that may delete and pull, and not push,', () => {
  const tags = async () => (await crane(['ls', app], await path.login(cleaner))).message.trim()

  it('deletes with crane, which asks to push first', async () => {
    const digest = await push()
    expect(await tags()).toBe('1')
    expect(await crane(['delete', `${app}@${digest}`], await path.login(cleaner))).toEqual({ code: 0, message: '' })
    expect(await tags()).toBe('')
  })

  it('deletes with skopeo, which asks for everything', async () => {
    await push()
    expect(await skopeoDelete(`docker://${app}:1`, await path.login(cleaner))).toEqual({ code: 0, message: '' })
    expect(await tags()).toBe('')
  })

  it('does not push all the same', async () => {
    const { code, message } = await cranePush(path.image, `${app}:2`, await path.login(cleaner))
    expect(code).not.toBe(0)
    expect(message).toMatch(/DENIED|UNAUTHORIZED/)
  })

  it('lists the catalog, where its rule says so', async () => {
    await push()
    const listed = await crane(['catalog', path.host], await path.login(cleaner))
    expect(listed).toEqual({ code: 0, message: 'acme/app\n' })
  })
})

describe('a client sees why', () => {
  it.each([
    [
      'a pull',
      () => crane(['manifest', `${path.host}/evil/app:1`], login),
      /pull from "evil\/app" is not granted; the rules let/,
    ],
    [
      'a pull by skopeo',
      () => skopeoCopy(`docker://${path.host}/evil/app:1`, `oci:${path.dir}/x:1`, login),
      /pull from "evil\/app"/,
    ],
    ['the catalog', () => crane(['catalog', path.host], login), /no rule lets this token list the repositories/],
    ['a delete', () => crane(['delete', `${path.host}/evil/app:1`], login), /push to "evil\/app" is not granted/],
  ])('%s is refused', async (_, ask, sentence) => {
    login = await path.login(pusher)
    const { code, message } = await ask()
    expect(code).not.toBe(0)
    expect(message).toMatch(sentence)
  })
  let login: { host: string; username: string; password: string }
})

describe('a session', () => {
  it.each([
    ['crane', (login: Parameters<typeof crane>[1]) => cranePush(path.image, `${app}:session`, login)],
    [
      'skopeo',
      (login: Parameters<typeof crane>[1]) => skopeoCopy(`oci:${path.image}:latest`, `docker://${app}:session`, login),
    ],
  ])('works as the password of user JWT, for clients that keep none: %s', async (_, pushWith) => {
    const { refresh_token: password } = await path.dockerLogin(pusher)
    expect(await pushWith({ host: path.host, username: 'JWT', password })).toMatchObject({ code: 0 })
  })

  it('that a client does not read beside the empty password is named', async () => {
    const ignored = { host: path.host, username: 'JWT', password: '' }
    const authorization = `Basic ${Buffer.from(`${ignored.username}:`).toString('base64')}`
    const answer = await fetch(`${path.service.url}/token?scope=repository:acme/app:pull`, {
      headers: { authorization },
    })
    expect(answer.status).toBe(401)
    expect(await answer.text()).toContain('does not read the session that docker login keeps')
  })
})

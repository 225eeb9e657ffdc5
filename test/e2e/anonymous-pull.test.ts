/** Repositories that the stack opens: anybody pulls them without login, and nothing else. */
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { $ } from 'zx'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage } from '../../local/proof/image.ts'
import { upWith } from './changed-stack.ts'
import { jobToken, registry } from './job.ts'
import { npm } from './npm.ts'
import { OPEN, opened } from './open-repository.ts'
import { askToken } from './token-client.ts'

let layout: string

beforeAll(async () => {
  layout = await makeImage({ layers: 1, bytes: 50_000 })
  await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
  expect(await client.push(layout, `${OPEN}:1`)).toMatchObject({ exitCode: 0 })
})
afterAll(async () => {
  await rm(layout, { recursive: true, force: true })
  const { code, output } = await upWith((config) => config)
  expect(code, output).toBe(0)
  expect((await npm('preview')).code).toBe(0)
})

describe('without login', () => {
  const inspect = (repository: string) =>
    $({
      quiet: true,
      nothrow: true,
    })`skopeo inspect --no-creds --tls-verify=false --raw docker://${registry}/${repository}`

  it('nothing is open by default', async () => {
    const { exitCode, stderr } = await inspect(`${OPEN}:1`)
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain('Log in first')
  })

  it('what the stack names can be pulled, and nothing else', async () => {
    const up = await upWith(opened)
    expect(up.code, up.output).toBe(0)
    const { exitCode, stdout, stderr } = await inspect(`${OPEN}:1`)
    expect(exitCode, stderr).toBe(0)
    expect(JSON.parse(stdout)).toHaveProperty('layers')

    const closed = await inspect('acme/app:1')
    expect(closed.exitCode).not.toBe(0)
    expect(closed.stderr).toContain('None of this is open without login')
    const pushed = await askToken(undefined, [`repository:${OPEN}:pull,push`])
    expect(pushed).toMatchObject({ status: 401, token: '' })
    expect(pushed.reason).toMatch(/push to "acme\/app\/public" is not granted without login; log in first/)
    expect(await askToken(undefined, [`repository:${OPEN}:push`])).toMatchObject({ status: 401, token: '' })
  })
})

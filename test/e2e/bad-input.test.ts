/** What goes wrong at the running system ends in one clear message, and the next command finds everything as it was. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { $ } from 'zx'
import { upWith } from './changed-stack.ts'
import { npm, start } from './npm.ts'

let work: string

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'bad-input-'))
})
afterAll(async () => {
  await rm(work, { recursive: true, force: true })
  const { code, output } = await npm('preview')
  expect(code, output).toBe(0)
})

describe('pulumi up', () => {
  it('lists every wrong setting with what was expected and the command that sets it', async () => {
    const { code, output } = await upWith((config) =>
      config
        .replace('host: localhost:15000', 'host: https://Registry.Example.com')
        .replace('storageSize: 2Gi', 'storageSize: much'),
    )
    expect(code).not.toBe(0)
    expect(output).toContain('2 corrections')
    expect(output).toContain("pulumi config set host 'registry.example.com'")
    expect(output).toContain("pulumi config set storageSize '20Gi'")
  })

  it('says which authentik does not answer', async () => {
    const { code, output } = await upWith((config) =>
      config.replace(/authentik:url: \S+/, 'authentik:url: http://127.0.0.1:9'),
    )
    expect(code).not.toBe(0)
    expect(output).toMatch(/http:\/\/127\.0\.0\.1:9.*(ECONNREFUSED|does not answer|refused)/s)
  })

  it('says that the API token was refused, without showing it', async () => {
    const wrong = 'not-the-token-of-anybody'
    const { code, output } = await upWith((config) => config, { AUTHENTIK_TOKEN: wrong })
    expect(code).not.toBe(0)
    expect(output).toMatch(/token/i)
    expect(output).toContain('authentik:token')
    expect(output).not.toContain(wrong)
  })

  it('names the ingress class that the cluster does not have', async () => {
    const { code, output } = await upWith((config) => config.replace('ingressClass: skipper', 'ingressClass: nginx'))
    expect(code).not.toBe(0)
    expect(output).toMatch(/passwordless-registry:ingressClass names.*'nginx' does not exist/s)
  })
})

describe('npm run up', () => {
  it('lets no other command change the world at the same time', async () => {
    const first = start(['npm', 'run', '-s', 'up'])
    await first.says('Stand-ins running')
    const second = await npm('up')
    expect(second.code).toBe(1)
    expect(second.output).toMatch(/npm run up \(process \d+\) is changing the local world right now/)
    const { code, output } = await first.finished
    expect(code, output).toBe(0)
  })

  describe('on a full disk', () => {
    afterEach(async () => {
      await $({ quiet: true, nothrow: true })`umount ${work}/small`
    })

    it('says how much space is needed, and where', async () => {
      await $`mkdir -p ${work}/small`
      await $`mount -t tmpfs -o size=16m tmpfs ${work}/small`
      const state = join(work, 'small', 'state')
      const { code, output } = await start(['npm', 'run', '-s', 'up'], { PASSWORDLESS_REGISTRY_STATE: state }).finished
      expect(code).toBe(1)
      expect(output).toMatch(/needs \d+ MiB in .*small\/state, but its disk has \d+ MiB left/)
    })
  })
})

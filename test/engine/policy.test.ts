/** The pack of policies, run by the real engine over the whole program. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { projectDir } from '../../local/paths.ts'
import { openProgramWorld, type ProgramWorld } from './program-world.ts'

// Two runs of the engine, on a machine that may be busy.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let world: ProgramWorld
beforeAll(async () => {
  world = await openProgramWorld('2026.8.3')
})
afterAll(() => world[Symbol.asyncDispose]())

const setting = (name: string) => `passwordless-registry:${name}`
const preview = () => world.project.run('preview', '--policy-pack', join(projectDir, 'policy'))

it('stops a preview that a security team would forbid, and lets another pass', async () => {
  await world.configure({ [setting('trustedProxies')]: ['10.0.0.0/8'] })
  const good = await preview()
  expect(good.output).toContain('passwordless-registry@v0.1.0')
  expect(good.exitCode, good.output).toBe(0)

  await world.configure({
    [setting('trustedProxies')]: [],
    [setting('networkPolicies')]: false,
    [setting('trust')]: [
      { source: 'github', claims: { ref_type: 'tag' }, any: true, pull: ['public/**'] },
      { source: 'github', claims: { repository_owner: 'acme', ref: 'refs/heads/*' }, push: ['**'] },
    ],
  })
  const bad = await preview()
  expect(bad.exitCode).not.toBe(0)
  expect(bad.output).toContain('rule 1 of source github trusts everyone')
  expect(bad.output).toContain('rule 2 of source github may push to or delete **')
  expect(bad.output).toContain('rule 2 of source github names its owner by repository_owner alone')
  expect(bad.output).toContain('no network policy restricts the pods')
  expect(bad.output).toContain('trustedProxies[0]')
})

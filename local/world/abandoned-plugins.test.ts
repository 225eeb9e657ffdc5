import { spawn } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { abandonedPlugins, endAbandonedPlugins } from './abandoned-plugins.ts'

let dir: string
let plugin: string
const started: number[] = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'abandoned-'))
  const folder = join(dir, 'home', 'plugins', 'resource-any-v1.0.0')
  await mkdir(folder, { recursive: true })
  plugin = join(folder, 'pulumi-resource-any')
  await copyFile('/bin/sleep', plugin)
})
afterEach(async () => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Ended by the test.
    }
  }
  await rm(dir, { recursive: true })
})

/** A process that starts the plugin: `pulumi`, or anything else. */
async function engine(name: string): Promise<{ kill(): void }> {
  const shell = join(dir, name)
  await copyFile('/bin/sh', shell)
  const child = spawn(shell, ['-c', '"$0" 60 & wait', plugin], { stdio: 'ignore' })
  started.push(child.pid ?? 0)
  return { kill: () => child.kill('SIGKILL') }
}

const home = () => join(dir, 'home')

it('are ended once their engine was killed, and not before', async () => {
  const running = await engine('pulumi')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await abandonedPlugins(home())).toEqual([])
  running.kill()
  await expect.poll(() => abandonedPlugins(home())).toHaveLength(1)
  started.push(...(await abandonedPlugins(home())))
  await endAbandonedPlugins(home())
  await expect.poll(() => abandonedPlugins(home())).toEqual([])
})

it('of another folder are left alone', async () => {
  await engine('other')
  await expect.poll(() => abandonedPlugins(home())).toHaveLength(1)
  started.push(...(await abandonedPlugins(home())))
  await endAbandonedPlugins(join(dir, 'elsewhere'))
  expect(await abandonedPlugins(home())).toHaveLength(1)
})

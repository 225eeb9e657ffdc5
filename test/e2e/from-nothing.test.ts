/** The world taken away, cut off at its worst moments, and brought up from nothing. */

import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { clusterStatus, leftovers } from '../../local/kubernetes/index.ts'
import { ports, projectDir, stateDir } from '../../local/paths.ts'
import { abandonedPlugins } from '../../local/world/abandoned-plugins.ts'
import { currentStorage, engineHome } from '../../local/world/pulumi.ts'
import { stackConfigFile } from '../../local/world/settings.ts'
import { standInAuthentik } from './authentik.ts'
import { interrupt, npm, start } from './npm.ts'

/** A world that is taken away forgets it. */
const options = ['--storage', currentStorage()]

// Beside a given authentik the stack's file holds the public keys of the platforms that `npm run down` throws away.
describe.runIf(standInAuthentik)('npm run down', () => {
  it('leaves no process, mount, namespace or cgroup, and the config as it was checked out', async () => {
    const { processes } = await clusterStatus(stateDir)
    expect(processes.length).toBeGreaterThan(0)
    const down = await npm('down')
    expect(down.output).not.toContain('still there')
    expect(down.code).toBe(0)
    expect(await leftovers(stateDir)).toEqual([])
    for (const { pid } of processes)
      await expect(readFile(`/proc/${pid}/cmdline`, 'utf8'))
        .resolves.toBe('')
        .catch(() => undefined)
    expect(await readFile(stackConfigFile, 'utf8')).not.toContain('encryptionsalt')
    expect((await npm('status')).stdout).toContain('does not run')
  })
})

describe.runIf(standInAuthentik)('npm run up', () => {
  it('names the process that holds a port, before anything is started', async () => {
    const holder = createServer().listen(ports.authentik, '127.0.0.1')
    await once(holder, 'listening')
    try {
      const up = await npm('up')
      expect(up.code).toBe(1)
      expect(up.output).toContain(`127.0.0.1:${ports.authentik} (authentik) is used by process ${process.pid}`)
      expect(await leftovers(stateDir)).toEqual([])
    } finally {
      holder.close()
    }
  })

  it('carries on after Ctrl-C while the cluster starts, and after a kill in the middle of pulumi up', async () => {
    const first = start(['npm', 'run', '-s', 'up', '--', ...options])
    await first.says('API server answers')
    interrupt(first.process, 'SIGINT')
    expect((await first.finished).code).not.toBe(0)

    const second = start(['npm', 'run', '-s', 'up', '--', ...options])
    await second.says('acl_docker_push creat')
    interrupt(second.process, 'SIGKILL')
    expect((await second.finished).code).not.toBe(0)
    await expect.poll(pluginsOfNobody, { timeout: 10_000 }).toEqual([])

    const third = await npm('up', ...options)
    expect(third.output).toContain('digests are equal')
    expect(third.code).toBe(0)
    expect(await abandonedPlugins(engineHome)).toEqual([])
  })

  it('takes over what runs', async () => {
    const before = await clusterStatus(stateDir)
    const up = await npm('up')
    expect(up.output).toMatch(/\d+ unchanged/)
    expect(up.code).toBe(0)
    expect((await clusterStatus(stateDir)).processes).toEqual(before.processes)
  })
})

/** Command lines of our provider plugins that have outlived their engine. */
async function pluginsOfNobody(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const orphans = pids.map(async (pid) => {
    const [commandLine, status] = await Promise.all(
      ['cmdline', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    )
    const isPlugin = commandLine?.includes(join(projectDir, 'local', 'plugins', 'main.ts'))
    return isPlugin && /^PPid:\s+1$/m.test(status ?? '') ? [commandLine?.replaceAll('\0', ' ')] : []
  })
  return (await Promise.all(orphans)).flat().filter((line) => line !== undefined)
}

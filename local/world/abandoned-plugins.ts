/** Provider plugins whose engine was killed. Those of ours end by themselves then; the real one of Kubernetes goes on. */
import { readdir, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'

const ENGINE = 'pulumi'

const read = (...path: string[]) => readFile(join('/proc', ...path), 'utf8').catch(() => '')

/** Process ids of plugins that were started from `pulumiHome` and have no engine. */
export async function abandonedPlugins(pulumiHome: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command = ''] = (await read(pid, 'cmdline')).split('\0')
      if (!command.startsWith(join(pulumiHome, 'plugins') + sep)) return []
      const parent = /^PPid:\s+(\d+)$/m.exec(await read(pid, 'status'))?.[1] ?? ''
      return (await read(parent, 'comm')).trim() === ENGINE ? [] : [Number(pid)]
    }),
  )
  return found.flat()
}

export async function endAbandonedPlugins(pulumiHome: string): Promise<void> {
  for (const pid of await abandonedPlugins(pulumiHome)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // It has ended meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

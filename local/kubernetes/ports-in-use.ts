/** Finds out who listens on the loopback ports that we need, before anything is started. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { Stop } from '../steps.ts'

/** `TCP_LISTEN` in the kernel's include/net/tcp_states.h, as /proc/net/tcp prints it. */
const LISTEN = '0A'

/**
 * Reads `/proc/net/tcp` or `tcp6`.
 *
 * @returns the inode of a listening socket by port
 */
export function parseListeners(table: string): Map<number, string> {
  const rows = table.trim().split('\n').slice(1)
  const fields = rows.map((row) => row.trim().split(/\s+/))
  const listening = fields.filter(([, , , state]) => state === LISTEN)
  return new Map(
    listening.map(([, local = '', , , , , , , , inode = '']) => [
      Number.parseInt(local.split(':')[1] ?? '', 16),
      inode,
    ]),
  )
}

/**
 * @param wanted the ports by what they are for
 * @param ours processes that may hold them: they are about to be ended
 * @throws Stop, one message for all ports that somebody else holds
 */
export async function assertPortsFree(wanted: Record<string, number>, ours: readonly number[]): Promise<void> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')))
  const listeners = new Map(tables.flatMap((table) => [...parseListeners(table)]))
  const taken = Object.entries(wanted).filter(([, port]) => listeners.has(port))
  if (taken.length === 0) return
  const owners = await socketOwners()
  const lines = taken.flatMap(([purpose, port]) => {
    const owner = owners.get(listeners.get(port) ?? '')
    if (owner && ours.includes(owner.pid)) return []
    const who = owner ? `process ${owner.pid} (${owner.name})` : 'a process that cannot be seen from here'
    return [`  127.0.0.1:${port} (${purpose}) is held by ${who}`]
  })
  if (lines.length > 0) {
    throw new Stop(
      `The local world needs loopback ports that are taken:\n${lines.join('\n')}\nEnd what holds them and try again.`,
    )
  }
}

/** Which process holds the socket of an inode. */
async function socketOwners(): Promise<Map<string, { pid: number; name: string }>> {
  const owners = new Map<string, { pid: number; name: string }>()
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
      if (!inode || owners.has(inode)) continue
      owners.set(inode, {
        pid: Number(pid),
        name: (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim(),
      })
    }
  }
  return owners
}

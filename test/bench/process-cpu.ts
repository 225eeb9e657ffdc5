/** What a process costs, as Linux counts it; the one that listens on a port is found by that. */
import { readdir, readFile, readlink } from 'node:fs/promises'

/** Of `utime` and `stime`: proc_pid_stat(5) counts in ticks, of which Linux shows 100 a second on every machine. */
const TICKS_PER_SECOND = 100
/** Fields of /proc/PID/stat after the name, which is in brackets and may hold anything: state is the first of them. */
const UTIME = 11
const STIME = 12
/** `st` of a socket that listens, in /proc/net/tcp. */
const LISTEN = '0A'

/** Seconds of processor time that a process and all its threads have used; undefined where it cannot be measured. */
export async function cpuSeconds(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[UTIME]) + Number(fields[STIME])
  return Number.isNaN(ticks) ? undefined : ticks / TICKS_PER_SECOND
}

/** The process that listens on a TCP port of this machine; undefined where it is somebody else's, or none. */
export async function listenerOf(port: number): Promise<number | undefined> {
  const inodes = await listeningInodes(port)
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
      if (inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '')) return Number(pid)
    }
  }
  return undefined
}

async function listeningInodes(port: number): Promise<ReadonlySet<string>> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '')
    for (const row of text.split('\n')) {
      const [, address = '', , state, , , , , , inode] = row.trim().split(/\s+/)
      if (address.endsWith(local) && state === LISTEN && inode !== undefined) inodes.add(inode)
    }
  }
  return inodes
}

/** Finds out who listens on the loopback ports that we need, before anything is started. */
import { Stop } from '../steps.ts'
import { run } from '../toolchain/command.ts'

/** A process by its id and name; undefined where only its own user may see it. */
type Owner = { pid: number; name: string } | undefined

const COMMAND_LIMIT = { timeoutSeconds: 20 }

/**
 * Reads lines of `ss --listening --processes` (iproute2), such as
 * `LISTEN 0 511 127.0.0.1:15000 0.0.0.0:* users:(("node",pid=4711,fd=22))`.
 */
export function parseListeners(output: string): Map<number, Owner> {
  return new Map(
    output
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [, , , address = ''] = line.split(/\s+/)
        const [, name = '', pid] = /users:\(\("(.*?)",pid=(\d+)/.exec(line) ?? []
        return [Number(/\d+$/.exec(address)?.[0]), pid ? { pid: Number(pid), name } : undefined]
      }),
  )
}

/**
 * @param wanted the ports by what they are for
 * @param ours processes that may listen on them: they are about to be ended
 * @throws Stop, one message for all ports that are taken
 */
export async function assertPortsFree(wanted: Record<string, number>, ours: readonly number[]): Promise<void> {
  const listeners = parseListeners(
    await run(['ss', '--no-header', '--listening', '--tcp', '--numeric', '--processes'], COMMAND_LIMIT),
  )
  const lines = Object.entries(wanted).flatMap(([purpose, port]) => {
    if (!listeners.has(port)) return []
    const owner = listeners.get(port)
    if (owner && ours.includes(owner.pid)) return []
    const who = owner ? `process ${owner.pid} (${owner.name})` : 'a process of another user'
    return [`  127.0.0.1:${port} (${purpose}) is used by ${who}`]
  })
  if (lines.length === 0) return
  throw new Stop(
    `The local world needs loopback ports that are taken:\n${lines.join('\n')}\nEnd these processes and try again.`,
  )
}

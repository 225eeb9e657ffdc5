/** One push a second, each followed by a pull of what was pushed, and a look at the registry in between. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clients } from './pushers.ts'

/** Milliseconds between the beginnings of two pushes, however long each takes. */
const PUSH_EVERY_MS = 1_000
const LOOK_EVERY_MS = 250
/** An answer that takes longer counts as none. */
const LOOK_LIMIT_MS = 2_000

/** A push or a pull, with times since the start of the soak. */
export interface Transfer {
  readonly what: 'push' | 'pull'
  readonly client: string
  readonly tag: string
  readonly startMs: number
  readonly endMs: number
  /** What came, where it succeeded. */
  readonly digest?: string
  /** What the client printed, where it failed. */
  readonly error?: string
}

export interface Traffic {
  readonly transfers: readonly Transfer[]
  /** Spans in which the registry did not answer. */
  readonly gaps: readonly { readonly startMs: number; readonly endMs: number }[]
  /** Milliseconds since the start. */
  now(): number
  /** Goes on until at least so many pushes have begun, waits for all of them, and stops. */
  finish(pushes: number): Promise<void>
}

/**
 * Begins.
 * @param answers whether the registry answers
 * @param say takes a line for each transfer that fails
 */
export function startTraffic(
  { pairs }: Pick<Clients, 'pairs'>,
  answers: (limitMs: number) => Promise<boolean>,
  say: (line: string) => void,
): Traffic {
  const startMs = performance.now()
  const now = () => performance.now() - startMs
  const run = `r${Date.now().toString(36)}`
  const transfers: Transfer[] = []
  const gaps: { startMs: number; endMs: number }[] = []
  let isOver = (_begun: number) => false
  let stopLooking = false

  const transfer = async (what: Transfer['what'], client: string, tag: string, work: () => Promise<string>) => {
    const begun = now()
    const done = (outcome: Pick<Transfer, 'digest' | 'error'>) =>
      transfers.push({ what, client, tag, startMs: begun, endMs: now(), ...outcome })
    try {
      const digest = await work()
      done({ digest })
      return true
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      done({ error: words })
      say(
        `${(begun / 1000).toFixed(1)} s: ${what} of ${tag} by ${client} failed: ${words.replace(/\s+/g, ' ').slice(-300)}`,
      )
      return false
    }
  }
  const pushAndPull = async (index: number) => {
    const { pusher, puller } = pairs[index % pairs.length] as Clients['pairs'][number]
    const tag = `${run}-${index}`
    if (await transfer('push', pusher.name, tag, () => pusher.push(tag))) {
      await transfer('pull', puller.name, tag, () => puller.pull(tag))
    }
  }
  const pushing = (async () => {
    const all: Promise<void>[] = []
    for (let index = 0; !isOver(index); index++) {
      all.push(pushAndPull(index))
      await sleep(Math.max(0, (index + 1) * PUSH_EVERY_MS - now()))
    }
    await Promise.all(all)
  })()
  const looking = (async () => {
    let gap: { startMs: number; endMs: number } | undefined
    while (!stopLooking) {
      const begun = now()
      if (await answers(LOOK_LIMIT_MS)) {
        gap = undefined
      } else if (gap === undefined) {
        gap = { startMs: begun, endMs: now() }
        gaps.push(gap)
      } else {
        gap.endMs = now()
      }
      await sleep(LOOK_EVERY_MS)
    }
  })()
  return {
    transfers,
    gaps,
    now,
    async finish(pushes) {
      isOver = (begun) => begun >= pushes
      await pushing
      stopLooking = true
      await looking
    },
  }
}

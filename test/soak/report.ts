/** What a soak has shown, in lines. */
import type { Traffic, Transfer } from './traffic.ts'

/** Something that was done to the world meanwhile. */
export interface Event {
  readonly name: string
  readonly startMs: number
  readonly endMs: number
}

export interface Verdict {
  readonly lines: readonly string[]
  readonly ok: boolean
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
const meets = (a: { startMs: number; endMs: number }, b: { startMs: number; endMs: number }) =>
  a.startMs <= b.endMs && b.startMs <= a.endMs

/** `docker 2 of 5`: of the pushes that were under way meanwhile, how many failed. */
function failuresByClient(pushes: readonly Transfer[]): string {
  const clients = [...new Set(pushes.map(({ client }) => client))].sort()
  const counted = clients.map((client) => {
    const own = pushes.filter((push) => push.client === client)
    return `${client} ${own.filter(({ error }) => error !== undefined).length} of ${own.length}`
  })
  return counted.join(', ')
}

/** Images whose pull, or whose tag at the end, is not what was pushed. */
export function wrongTags(transfers: readonly Transfer[], atTheEnd: ReadonlyMap<string, string>): string[] {
  const pushed = transfers.filter(({ what, digest }) => what === 'push' && digest !== undefined)
  return pushed
    .filter(({ tag, digest }) => {
      const pulled = transfers.filter((transfer) => transfer.what === 'pull' && transfer.tag === tag)
      return atTheEnd.get(tag) !== digest || pulled.some((pull) => pull.digest !== undefined && pull.digest !== digest)
    })
    .map(({ tag }) => tag)
}

/** @param atTheEnd digest of each tag that the registry has after all */
export function report(
  { transfers, gaps }: Pick<Traffic, 'transfers' | 'gaps'>,
  events: readonly Event[],
  atTheEnd: ReadonlyMap<string, string>,
): Verdict {
  const pushes = transfers.filter(({ what }) => what === 'push')
  const pulls = transfers.filter(({ what }) => what === 'pull')
  const failed = (list: readonly Transfer[]) => list.filter(({ error }) => error !== undefined).length
  const wrong = wrongTags(transfers, atTheEnd)
  const lines = events.map((event) => {
    const silent = gaps.filter((gap) => meets(gap, event)).reduce((sum, gap) => sum + gap.endMs - gap.startMs, 0)
    const underWay = pushes.filter((push) => meets(push, event))
    return `${event.name}: ${seconds(event.endMs - event.startMs)}, no answer for ${seconds(silent)}, pushes failed: ${failuresByClient(underWay)}`
  })
  const slowest = Math.max(0, ...pushes.map(({ startMs, endMs }) => endMs - startMs))
  return {
    lines: [
      ...lines,
      `slowest push ${seconds(slowest)}; ${pulls.length} pulls, ${failed(pulls)} failed`,
      ...wrong.map((tag) => `wrong: ${tag}`),
      `${pushes.length} pushes, ${failed(pushes)} failed, ${wrong.length} wrong`,
    ],
    ok: failed(pushes) + failed(pulls) + wrong.length === 0,
  }
}

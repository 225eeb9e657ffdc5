/**
 * Keeps pushes away for as long as the registry is cleaned up:
 *
 * 1. announces the clean-up, with the time by which it is over;
 * 2. waits until every token service says that it refuses pushes;
 * 3. waits until the tokens issued before have expired, so that the registry itself refuses every write;
 * 4. says that the clean-up may begin;
 * 5. withdraws the announcement on SIGTERM, which comes when the clean-up has ended, however it ended.
 *
 * Whoever kills it in between leaves an announcement that means nothing after its time.
 */
import { type Announcement, announce, type ConfigMapStore, withdraw } from './announcement.ts'

const seconds = 1000
/** Between two checks of the token services; the kubelet brings them the announcement within a minute or two. */
const LOOK_MS = 2 * seconds
/** distribution accepts a token for this long after its expiry (auth/token, `Leeway`). */
const REGISTRY_LEEWAY_MS = 60 * seconds
/**
 * An exchange that was under way, and a token service that was about to end: `drainMs` of service/limits.ts and more.
 */
const UNDER_WAY_MS = 60 * seconds

export interface HoldArgs {
  store: ConfigMapStore
  /** Name of the own pod. */
  by: string
  /** How long the clean-up may take in all. */
  windowMs: number
  /** How long a registry token lives. */
  tokenMs: number
  /** The token services, by address, and which of them do not refuse pushes until a time. */
  addresses: () => Promise<string[]>
  notYetTold: (addresses: readonly string[], untilMs: number) => Promise<string[]>
  /** Called once the registry takes no writes. */
  ready: () => void
  /** Ends when the clean-up has ended. */
  stopped: AbortSignal
  /** Milliseconds since 1970. */
  now: () => number
  /** @throws when it is stopped meanwhile */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>
  print: (line: string) => void
}

/** @throws if another clean-up is under way, or the time is over before it could begin */
export async function hold(args: HoldArgs): Promise<void> {
  const { store, by, now, print, stopped } = args
  const wanted = {
    by,
    since: new Date(now()).toISOString(),
    until: new Date(now() + args.windowMs).toISOString(),
  }
  const announced = await announce(store, wanted, now())
  print(`pushes are refused from now on, until ${announced.until} at most`)
  try {
    await untilNoWrites(args, announced)
    if (!stopped.aborted) args.ready()
    await untilAborted(stopped)
  } finally {
    await withdraw(store, by)
    print('pushes are taken again')
  }
}

async function untilNoWrites(args: HoldArgs, { until }: Announcement): Promise<void> {
  const { addresses, notYetTold, now, sleep, stopped, print } = args
  const untilMs = Date.parse(until)
  let waitingFor = ''
  for (;;) {
    if (stopped.aborted) return
    if (now() > untilMs) throw new Error(`no clean-up: the time ran out before every token service refused pushes`)
    const all = await addresses()
    const missing = await notYetTold(all, untilMs)
    if (all.length > 0 && missing.length === 0) break
    const who = all.length === 0 ? 'the first token service' : missing.join(', ')
    if (who !== waitingFor) print(`waiting for ${who} to refuse pushes`)
    waitingFor = who
    await sleep(LOOK_MS, stopped)
  }
  const waitMs = args.tokenMs + REGISTRY_LEEWAY_MS + UNDER_WAY_MS
  print(`every token service refuses pushes; tokens that were given before run out within ${waitMs / seconds} s`)
  await sleep(waitMs, stopped)
  if (now() > untilMs) throw new Error('no clean-up: the time ran out before the last token had expired')
  print('the registry takes no writes')
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

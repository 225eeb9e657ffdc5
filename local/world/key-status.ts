/** Which keys sign in the authentik of stack `local`, and since when, for `npm run status`. */
import { AuthentikProblem } from '../../infra/authentik/api.ts'
import { readKeyHistory } from '../../infra/authentik/key-history.ts'
import type { KeyHistory } from '../../infra/authentik/key-plan.ts'
import { REGISTRY_NAME, SESSION_NAME } from '../../infra/authentik/names.ts'
import { type AuthentikSettings, authentikOf } from './authentik-access.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const age = (ms: number): string =>
  ms < 2 * HOUR_MS
    ? `${Math.floor(ms / MINUTE_MS)} min`
    : ms < 2 * DAY_MS
      ? `${Math.floor(ms / HOUR_MS)} h`
      : `${Math.floor(ms / DAY_MS)} days`

/** In words: `key 2 for 3 min, key 1 before it still trusted`. */
export function keyInWords({ signing, record }: Pick<KeyHistory, 'signing' | 'record'>, nowMs: number): string {
  if (signing === undefined) return 'no key of this stack'
  if (record?.key !== signing) return `key ${signing}, for an unknown time`
  const since = `key ${signing} for ${age(nowMs - Date.parse(record.since))}`
  return record.before.length === 0 ? since : `${since}, key ${record.before.join(', ')} before it still trusted`
}

/** For registry tokens and for sessions; the reason where authentik does not say. */
export async function keyStatus(
  settings: AuthentikSettings,
  nowMs: number,
): Promise<{ registry: string; sessions: string }> {
  try {
    const api = await authentikOf(settings)
    const seen = async (application: string) => keyInWords(await readKeyHistory(api, application, 1), nowMs)
    return { registry: await seen(REGISTRY_NAME), sessions: await seen(SESSION_NAME) }
  } catch (error) {
    if (!(error instanceof AuthentikProblem)) throw error
    return { registry: `not known: ${error.message}`, sessions: 'not known' }
  }
}

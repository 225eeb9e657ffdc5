/**
 * Which keys a run of the program makes, trusts and lets go, so that a new key fails no push.
 *
 * Nothing on this machine remembers when a key was changed. authentik does: its provider names the key with which it
 * signs at this moment, and the description of its application says since when, and which keys came before. So the plan
 * is right after a run that failed half-way, and on another machine.
 */

/** The registry accepts a token for a minute past its end (distribution); as long again for clocks that differ. */
const LEEWAY_MS = 2 * 60_000

/** What the description of an application says of the key with which its provider signs. */
export interface SigningRecord {
  readonly key: string
  /** When the provider began to sign with it. ISO 8601. */
  readonly since: string
  /** Keys that signed before it, and are still in the stack. */
  readonly before: readonly string[]
}

/** What authentik knows of the keys of a provider. */
export interface KeyHistory {
  /** The key with which the provider signs; undefined if there is no provider, or its key is not one of these. */
  readonly signing: string | undefined
  readonly record: SigningRecord | undefined
  /** Whether there is the key that `revokeKeys` made for the generation of the stack. */
  readonly revoked: boolean
}

export interface KeyPlan {
  /** The key with which the provider signs at the end of the run. */
  readonly current: string
  /** Keys that stay in the stack until a later run; they can be deleted. */
  readonly older: readonly string[]
  /** Those of the older keys whose tokens the registry still accepts. */
  readonly trusted: readonly string[]
  /** Keys that this run deletes, since all their tokens have expired. */
  readonly dropped: readonly string[]
  /**
   * When the last tokens of the older keys expire; undefined unless the provider signs with the current key already.
   */
  readonly untilMs: number | undefined
  /** Since when the provider signs with the current key; undefined if it does not yet. */
  readonly since: string | undefined
  /** Whether the key would be missed: a key that has signed nothing yet can go again. */
  readonly inUse: boolean
}

/** The key of a generation. `revokeKeys` makes another one, which stays the key of that generation. */
export const keyOf = (generation: number): string => String(generation)
export const emergencyKeyOf = (generation: number): string => `${generation}.1`
/** Keys before one of these are not trusted, even if the run that made it failed half-way. */
export const isEmergencyKey = (key: string): boolean => key.endsWith('.1')

const RECORD = /^Signs with key (\d+(?:\.1)?) since ([\dT:-]{19}Z)\.(?: Before: (\d+(?:\.1)?(?:, \d+(?:\.1)?)*)\.)?$/

export const recordText = ({ key, since, before }: SigningRecord): string =>
  `Signs with key ${key} since ${since}.${before.length === 0 ? '' : ` Before: ${before.join(', ')}.`}`

/** Reads it; undefined for any other text. */
export function parseRecord(text: unknown): SigningRecord | undefined {
  const [, key, since, before] = (typeof text === 'string' && RECORD.exec(text)) || []
  if (key === undefined || since === undefined || Number.isNaN(Date.parse(since))) return undefined
  return { key, since, before: before?.split(', ') ?? [] }
}

export const recordTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/**
 * @param tokenMs how long a token of the registry lives
 * @param nowMs since 1970
 */
export function planKeys(
  { signing, record, revoked }: KeyHistory,
  { generation, revoke, tokenMs, nowMs }: { generation: number; revoke: boolean; tokenMs: number; nowMs: number },
): KeyPlan {
  const current = revoke || revoked ? emergencyKeyOf(generation) : keyOf(generation)
  const untilMs = record && Date.parse(record.since) + tokenMs + LEEWAY_MS
  const isOver = untilMs !== undefined && nowMs >= untilMs
  const before = record === undefined || isOver ? [] : record.before
  const trustedOf = (older: readonly string[]) => (isEmergencyKey(current) ? [] : older)
  if (record?.key === current && signing === current) {
    const dropped = isOver ? record.before : []
    return { current, older: before, trusted: trustedOf(before), dropped, untilMs, since: record.since, inUse: true }
  }
  // A new key, or a run before this one ended after the provider had changed and before its application had.
  const known = [signing, record?.key, ...before].filter((key) => key !== undefined && key !== current)
  const older = [...new Set(known as string[])]
  const inUse = signing === current || signing === undefined
  return { current, older, trusted: trustedOf(older), dropped: [], untilMs: undefined, since: undefined, inUse }
}

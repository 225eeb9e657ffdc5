/** What a change of keys means, in words for the person who runs `pulumi up`. */
import { type KeyPlan, recordTime } from './key-plan.ts'

export interface KeyMessage {
  readonly level: 'info' | 'warn'
  readonly text: string
}

const listed = (keys: readonly string[]) => `key ${keys.join(', ')}`

const DROPPED_LATER = 'The first `pulumi up` after that drops it.'

function ofRegistry({ current, older, trusted, dropped, untilMs }: KeyPlan): string | undefined {
  const what = 'Signing key of registry tokens'
  if (dropped.length > 0) {
    return `${what}: this \`pulumi up\` drops ${listed(dropped)}, whose last tokens have expired.`
  }
  if (trusted.length === 0) return undefined
  if (untilMs === undefined) {
    return (
      `${what}: authentik changes from ${listed(older)} to key ${current} as soon as the registry and the token service ` +
      `trust both. The older one stays trusted until its last tokens have expired. ${DROPPED_LATER}`
    )
  }
  return `${what}: ${listed(trusted)} stays trusted until ${recordTime(untilMs)}, when its last tokens have expired. ${DROPPED_LATER}`
}

function ofSessions({ current, older, since }: KeyPlan): string | undefined {
  if (since !== undefined || older.length === 0) return undefined
  return (
    `Signing key of sessions: changes from ${listed(older)} to key ${current}, and all sessions end. A job that is ` +
    'under way and whose CI token has expired can no longer push; start it again.'
  )
}

const DONE =
  'revokeKeys: done. Remove it: pulumi config rm revokeKeys. To revoke once more, raise keyGeneration and ' +
  'sessionKeyGeneration with it.'
const COST =
  'revokeKeys: this `pulumi up` creates new keys and trusts no others. It ends every session and every registry token: jobs ' +
  'have to log in again, and a job whose CI token has expired has to be started again. Pushes and pulls fail while the ' +
  'registry and the token service restart, and for up to a minute after that.'

/**
 * @param sessions undefined where there are none
 * @param revoke whether the stack says `revokeKeys: true`
 */
export function keyMessages(
  { registry, sessions }: { registry: KeyPlan; sessions: KeyPlan | undefined },
  revoke: boolean,
): KeyMessage[] {
  if (revoke) {
    const isDone = registry.since !== undefined && (sessions === undefined || sessions.since !== undefined)
    return [{ level: 'warn', text: isDone ? DONE : COST }]
  }
  const messages = [
    { level: 'info' as const, text: ofRegistry(registry) },
    { level: 'warn' as const, text: sessions && ofSessions(sessions) },
  ]
  return messages.flatMap(({ level, text }) => (text === undefined ? [] : [{ level, text }]))
}

/** What authentik says of the keys with which a provider of this stack signed and signs. */
import type { AuthentikApi } from './api.ts'
import { emergencyKeyOf, type KeyHistory, parseRecord } from './key-plan.ts'
import { REGISTRY_NAME, SESSION_NAME } from './names.ts'

/** How one provider's key pair is called in authentik. */
export const pairName = (application: string, key: string): string => `${application}-${key}`

/** The one key of older stacks, which signed registry tokens and sessions. It is now the first key of sessions. */
export const FORMER_PAIR = REGISTRY_NAME
const FIRST_SESSION_KEY = pairName(SESSION_NAME, '1')

/** The key that a pair of this name holds; undefined for a pair that is not this application's. */
function keyIn(application: string, name: unknown): string | undefined {
  const own = name === FORMER_PAIR ? FIRST_SESSION_KEY : String(name)
  const key = own.startsWith(`${application}-`) ? own.slice(application.length + 1) : ''
  return /^\d+(\.1)?$/.test(key) ? key : undefined
}

/**
 * @param application name of the provider and slug of its application
 * @throws AuthentikProblem if authentik does not answer
 */
export async function readKeyHistory(api: AuthentikApi, application: string, generation: number): Promise<KeyHistory> {
  const [[provider], [described], emergencyPairs] = await Promise.all([
    api.list('providers/oauth2', { name: application }),
    // Otherwise the list leaves out what its policy does not open to the administrator.
    api.list('core/applications', { slug: application, superuser_full_list: 'true' }),
    api.list('crypto/certificatekeypairs', { name: pairName(application, emergencyKeyOf(generation)) }),
  ])
  const pairId = provider?.signing_key
  const pair =
    typeof pairId === 'string'
      ? ((await api.get(`crypto/certificatekeypairs/${encodeURIComponent(pairId)}`)) as { name?: unknown } | null)
      : undefined
  return {
    signing: keyIn(application, pair?.name),
    record: parseRecord(described?.meta_description),
    revoked: emergencyPairs.length > 0,
  }
}

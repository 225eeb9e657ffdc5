/** Credentials as the token service has them while it answers a request. */

import type { Credential } from '../service/request/credentials.ts'
import { createKeyedHash, createPresent, type Presented } from '../service/request/presented.ts'
import type { Policy } from '../trust/decision/policy.ts'

const keyed = createKeyedHash(Buffer.from('a secret of the tests'))

/**
 * @param policy the rules that it is compared with; none are loaded where it is left out
 * @param now milliseconds since 1970
 */
export function presented(credential: Credential, policy?: Policy, sessions = false, now = Date.now): Presented {
  return createPresent({ keyed, policy: () => policy, now, sessions })(credential)
}

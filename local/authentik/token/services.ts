/** What the token endpoint and its neighbours work with. */
import type { Logger } from 'pino'
import type { Expressions } from '../expressions/worker.ts'
import type { Store } from '../store.ts'
import type { PendingGrants } from './pending.ts'

export interface TokenServices {
  store: Store
  expressions: Expressions
  pending: PendingGrants
  clock: () => number
  log: Logger
  /** The version of authentik that the stand-in is. */
  version: string
  /** How long a request with too long a policy expression hangs before the stand-in gives the connection up. */
  blockedPolicyMs: number
}

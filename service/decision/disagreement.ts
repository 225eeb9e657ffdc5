/** Where the rules here and authentik decide differently: counted and logged, since one of them is then out of date. */
import type { Log } from '../operations/log.ts'

/**
 * - `authentik_allows`: the rules here refuse, authentik gives a token. Its rules are older or newer than those here,
 *   or its policy is not bound.
 * - `authentik_refuses`: the rules here allow, authentik refuses. A forged signature and a revoked session look the
 *   same.
 * - `authentik_grants_less`: authentik gives a token without the push that the rules here grant. So does a deactivated
 *   user look.
 */
export const disagreements = ['authentik_allows', 'authentik_refuses', 'authentik_grants_less'] as const
export type Disagreement = (typeof disagreements)[number]

/** Reports one. */
export type ReportDisagreement = (kind: Disagreement, requestId: string) => void

/** Makes the function that counts and logs. */
export function createDisagreementReport(
  log: Log,
  counted: (kind: Disagreement) => void = () => {},
): ReportDisagreement {
  const counts: Record<Disagreement, number> = { authentik_allows: 0, authentik_refuses: 0, authentik_grants_less: 0 }
  return (kind, requestId) => {
    counts[kind] += 1
    counted(kind)
    // Only the first needs somebody to look; the others have everyday causes.
    const level = kind === 'authentik_allows' ? 'warn' : 'info'
    log[level]({ requestId, disagreement: kind, count: counts[kind] }, 'rules and authentik disagree')
  }
}

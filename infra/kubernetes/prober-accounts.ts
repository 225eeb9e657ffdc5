/**
 * Who the probers are: service accounts of the cluster. The rule of the one names its account and one repository; the
 * other account has no rule, and must be refused.
 */
import { claimTexts } from '../../trust/decision/claim-texts.ts'
import { matchingRules } from '../../trust/decision/decide.ts'
import type { Policy } from '../../trust/decision/policy.ts'
import { CLUSTER_SOURCE, serviceAccountSubject } from '../../trust/language/service-accounts.ts'

/** Names of the accounts, and of all else that belongs to a prober. */
export const PROBER = 'prober'
export const STRANGER = 'prober-stranger'
/** Nothing but the prober's image is ever there. */
export const PROBE_REPOSITORY = 'passwordless-registry/prober'

const subject = (namespace: string): string => serviceAccountSubject(namespace, PROBER)

/** The rule of the prober that has to succeed. */
export const proberRule = (namespace: string) => ({
  source: CLUSTER_SOURCE,
  claims: { sub: subject(namespace) },
  push: [PROBE_REPOSITORY],
  delete: [PROBE_REPOSITORY],
})

/** The audience for the probers' tokens; undefined if no rule lets the one push. */
export function proberAudience(policy: Policy, namespace: string): string | undefined {
  return [...policy.sources.values()].find((source) =>
    matchingRules(source, claimTexts({ iss: source.issuer, sub: subject(namespace) })).some(
      ({ push }) => push.length > 0,
    ),
  )?.audience
}

/** What is wrong where a person wrote the source, and no rule. */
export const noRuleForProber = (namespace: string): string =>
  'probers: expected a rule that lets the prober push, since sources has a source cluster of its own; there is none.\n' +
  `  Add to trust: { source: cluster, claims: { sub: "${subject(namespace)}" }, push: ["${PROBE_REPOSITORY}"], ` +
  `delete: ["${PROBE_REPOSITORY}"] }`

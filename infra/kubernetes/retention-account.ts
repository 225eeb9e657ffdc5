/**
 * Retention asks for its tokens like everybody else: with the cluster's token for the registry's own account, and
 * a rule that lets this account see the catalog, pull and delete.
 */
import type { Retention } from '../../clean-up/retention/rules.ts'
import { claimTexts } from '../../trust/decision/claim-texts.ts'
import { matchingRules } from '../../trust/decision/decide.ts'
import type { Policy } from '../../trust/decision/policy.ts'
import { CLUSTER_SOURCE, serviceAccountSubject } from '../../trust/language/service-accounts.ts'

/** Name of the registry's Kubernetes account, in whose name its garbage is collected too. */
export const REGISTRY_ACCOUNT = 'registry'

const subject = (namespace: string): string => serviceAccountSubject(namespace, REGISTRY_ACCOUNT)

/** The rule, where the stack makes the source of its own cluster: no more than the rules of retention name. */
export function retentionRule(namespace: string, { apply, rules }: Retention) {
  const repositories = [...new Set(rules.flatMap((rule) => rule.repositories))]
  return {
    source: CLUSTER_SOURCE,
    claims: { sub: subject(namespace) },
    pull: repositories,
    ...(apply && { delete: repositories }),
    catalog: true,
  }
}

/** The audience for the account's token; undefined if no rule lets it see the catalog. */
export function retentionAudience(policy: Policy, namespace: string): string | undefined {
  return [...policy.sources.values()].find((source) =>
    matchingRules(source, claimTexts({ iss: source.issuer, sub: subject(namespace) })).some(({ catalog }) => catalog),
  )?.audience
}

/** What is wrong where the account has no rule, and the commands that help. */
export function noRuleForRetention(namespace: string): string {
  const rule = `{ source: cluster, claims: { sub: "${subject(namespace)}" }, pull: ["**"], delete: ["**"], catalog: true }`
  return (
    'retention: expected a rule that lets the account of the registry see the catalog, pull and delete; there is none.\n' +
    '  pulumi config set clusterPulls true\n' +
    '  makes the cluster a source, and the rule follows from retention. Where its API server cannot be reached, add the\n' +
    `  cluster to sources, and to trust: ${rule}`
  )
}

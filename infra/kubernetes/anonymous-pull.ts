/**
 * Pulls without login. For clients without credentials the token service presents the token of its own Kubernetes
 * account, which Kubernetes renews: there is no password to store, and a trust rule says what that account may pull.
 */
import { claimTexts } from '../../trust/decision/claim-texts.ts'
import { matchingRules } from '../../trust/decision/decide.ts'
import type { Policy } from '../../trust/decision/policy.ts'
import { CLUSTER_SOURCE, serviceAccountSubject } from '../../trust/language/service-accounts.ts'

/** Name of the token service's own Kubernetes account. */
export const ACCOUNT = 'token-service'
const TOKEN_DIR = '/var/run/secrets/registry'
const TOKEN_FILE = 'token'
/** Kubernetes renews a projected token when a fifth of its lifetime is left; the minimum is ten minutes. */
const TOKEN_SECONDS = 3600

/** `sub` of the account's tokens (kubernetes.io, "Service account tokens"). */
export const accountSubject = (namespace: string): string => serviceAccountSubject(namespace, ACCOUNT)

/** The rule that lets the account pull what is open, where the stack makes the source of its own cluster. */
export const anonymousRule = (namespace: string, repositories: readonly string[]) => ({
  source: CLUSTER_SOURCE,
  claims: { sub: accountSubject(namespace) },
  pull: repositories,
})

/**
 * The audience for the account's token: that of the source whose rules match the account. The rule says what it may
 * pull, and authentik decides.
 *
 * @returns undefined if no rule matches
 */
export function accountAudience(policy: Policy, namespace: string): string | undefined {
  return [...policy.sources.values()].find(
    (source) => matchingRules(source, claimTexts({ iss: source.issuer, sub: accountSubject(namespace) })).length > 0,
  )?.audience
}

/** What is wrong where the account has no rule, and the commands that help. */
export function noRuleForAccount(namespace: string): string {
  const rule = `{ source: cluster, claims: { sub: "${accountSubject(namespace)}" }, pull: ["public/**"] }`
  return (
    'expected a rule that lets the account of the token service pull; there is none.\n' +
    '  pulumi config set clusterPulls true\n' +
    '  makes the cluster a source, and the rule follows from anonymousPull. Where its API server cannot be reached, add\n' +
    `  the cluster to sources, and to trust: ${rule}`
  )
}

/** What a pod needs for it: parts of its specification, empty if nothing is open. */
export function anonymousPull({
  repositories,
  audience,
}: {
  /** Patterns of repository names. */
  repositories: readonly string[]
  /** Of the token. */
  audience: string
}) {
  if (repositories.length === 0) return { env: [], volumes: [], volumeMounts: [] }
  const token = { serviceAccountToken: { audience, expirationSeconds: TOKEN_SECONDS, path: TOKEN_FILE } }
  return {
    env: [
      { name: 'ANON_KUBE_JWT', value: `${TOKEN_DIR}/${TOKEN_FILE}` },
      { name: 'ANON_REPOSITORIES', value: repositories.join(',') },
    ],
    volumes: [{ name: 'account', projected: { sources: [token] } }],
    volumeMounts: [{ name: 'account', mountPath: TOKEN_DIR, readOnly: true }],
  }
}

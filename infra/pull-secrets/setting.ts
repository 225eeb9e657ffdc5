/** The setting `pullSecrets`: namespaces that get a pull secret which refreshes itself. */
import { z } from 'zod'
import type { PullingCluster } from '../../trust/language/cluster-pulls.ts'

/** A CronJob's name has at most 52 characters, and ours begin with `pull-secret-`. */
const MAX_NAMESPACE = 40
/** Each is a CronJob of its own. */
const MAX_NAMESPACES = 50

const name = (most: number) =>
  z
    .string({ error: 'a name' })
    .max(most, { error: `a name of at most ${most} characters` })
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, { error: 'a Kubernetes name: a-z, 0-9 and "-"' })

const entry = z.strictObject(
  {
    namespace: name(MAX_NAMESPACE),
    serviceAccounts: z.array(name(253), { error: 'a list of service accounts' }).default([]),
    pull: z.array(z.string({ error: 'a pattern of repository names' }), { error: 'a list of patterns' }).optional(),
  },
  { error: 'an entry { namespace, serviceAccounts, pull }' },
)

export const pullSecretsSetting = {
  schema: z
    .array(entry, { error: 'a list of { namespace, serviceAccounts, pull }' })
    .max(MAX_NAMESPACES, { error: `at most ${MAX_NAMESPACES} namespaces` })
    .refine((entries) => new Set(entries.map(({ namespace }) => namespace)).size === entries.length, {
      error: 'each namespace once',
    }),
  path: 'pullSecrets[0].namespace',
  example: 'shop',
} as const

export type PullSecretEntry = z.output<typeof entry>

/** Name of what belongs to one namespace: the account that pulls for it, and the job. */
export const refresherName = ({ namespace }: Pick<PullSecretEntry, 'namespace'>): string => `pull-secret-${namespace}`

/** The rules by which these accounts pull, as if a person had written them. */
export const pullSecretRules = (own: string, entries: readonly PullSecretEntry[]): unknown[] =>
  entries.map((entry) => ({
    kubernetes: { namespaces: [own], serviceAccounts: [refresherName(entry)], ...(entry.pull && { pull: entry.pull }) },
  }))

/** What other settings lack for it, with the commands that help. */
export function pullSecretMistakes(
  settings: { pullSecrets?: readonly PullSecretEntry[]; sessionHours?: number },
  clusters: readonly PullingCluster[],
): string[] {
  if (settings.pullSecrets === undefined || settings.pullSecrets.length === 0) return []
  const lacking: string[] = []
  if (!clusters.some(({ context }) => context === undefined)) {
    lacking.push(
      'expected clusterPulls to make the cluster a source; it does not.\n  pulumi config set clusterPulls true',
    )
  }
  if (settings.sessionHours === 0) {
    lacking.push(
      'expected sessions, which such a secret contains; sessionHours is 0.\n  pulumi config set sessionHours 6',
    )
  }
  return lacking
}

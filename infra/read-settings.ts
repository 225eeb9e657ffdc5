/** The stack's configuration as the engine passes it, and what its clusters say of themselves. */
import * as pulumi from '@pulumi/pulumi'
import { type PullingCluster, parseClusterPulls, withOwnCluster } from '../trust/language/cluster-pulls.ts'
import { parseSettings, type Settings } from './config.ts'
import type { ClusterIdentities } from './kubernetes/cluster-identity.ts'
import { fromJson, PROJECT } from './setting-mistakes.ts'

/**
 * The stack's configuration, checked. Logs the engine's own warnings about what could be better.
 *
 * @throws RunError as {@link parseSettings}
 */
export async function readSettings(): Promise<Settings> {
  const prefix = `${PROJECT}:`
  const given = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix))
  const authentik = new pulumi.Config('authentik')
  const setting = (name: string) => pulumi.runtime.allConfig()[`${prefix}${name}`] ?? ''
  const pulls = fromJson(setting('clusterPulls'))
  const { clusters } = parseClusterPulls(
    setting('probers') === 'true' ? withOwnCluster(pulls, fromJson(setting('sources'))) : pulls,
  )
  const { settings: checked, warnings } = parseSettings({
    settings: Object.fromEntries(given.map(([key, value]) => [key.slice(prefix.length), value])),
    authentikUrl: authentik.get('url') ?? process.env.AUTHENTIK_URL,
    hasAuthentikToken: Boolean(authentik.getSecret('token') ?? process.env.AUTHENTIK_TOKEN),
    clusterIdentities: await identitiesOf(clusters),
  })
  // One message, since each becomes a paragraph in the engine's output.
  if (warnings.length > 0) void pulumi.log.warn(warnings.join('\n'))
  return checked
}

/** Kubernetes' client takes a second to load, so only a stack that needs it loads it. */
async function identitiesOf(clusters: readonly PullingCluster[]): Promise<ClusterIdentities> {
  if (clusters.length === 0) return new Map()
  const { readClusterIdentities } = await import('./kubernetes/cluster-identity.ts')
  return readClusterIdentities(clusters)
}

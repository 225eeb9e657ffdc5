/** Which changes the API refuses on an existing object, so that it has to be replaced. */
import { isUnder, type PropertyChange } from '../engine/diff.ts'
import type { Cluster } from './cluster.ts'
import { ANNOTATIONS, annotation, type KubernetesObject } from './object.ts'
import { judge } from './readiness.ts'

const ANY_KIND = ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace']

/**
 * Of the kinds that our program makes. Those of ConfigMap and Secret are not the API's but the official provider's: Pods
 * that mount one by name see new data only under a new name. `enableConfigMapMutable` turns it off for ConfigMaps that
 * are not immutable.
 */
const BY_KIND: Record<string, readonly string[]> = {
  ConfigMap: ['binaryData', 'data'],
  Deployment: ['spec.selector'],
  Job: ['spec.template'],
  // Its size is not among them: the API refuses a smaller one.
  PersistentVolumeClaim: ['spec.accessModes', 'spec.selector', 'spec.storageClassName', 'spec.volumeName'],
  Secret: ['data', 'immutable', 'stringData', 'type'],
  Service: ['spec.clusterIP', 'spec.clusterIPs'],
}

/** Marks the changes that need a new object. */
export function withReplacements(
  changes: readonly Omit<PropertyChange, 'replace'>[],
  after: KubernetesObject,
  { configMapMutable }: { configMapMutable: boolean },
): PropertyChange[] {
  const mutableNow = after.kind === 'ConfigMap' && configMapMutable && after.immutable !== true
  const fixed = [...ANY_KIND, ...((mutableNow ? undefined : BY_KIND[after.kind]) ?? [])]
  return changes.map((change) => ({ ...change, replace: fixed.some((path) => isUnder(change.path, path)) }))
}

/**
 * The change that makes an object anew which asks for that as long as it is not ready, where the live one is not; the
 * official provider heeds it for Jobs. What cannot be read is left alone.
 */
export async function unreadyChanges(
  wanted: KubernetesObject,
  cluster: () => Promise<Pick<Cluster, 'read'>>,
): Promise<PropertyChange[]> {
  if (wanted.kind !== 'Job' || annotation(wanted, ANNOTATIONS.replaceUnready) !== 'true') return []
  const { namespace, name = '' } = wanted.metadata
  const live = await (await cluster()).read(wanted, namespace, name).catch(() => undefined)
  const alone = { endpoints: 0, bindsLate: false, servicesWithoutEndpoints: [] }
  if (live === undefined || judge(live, alone).ready) return []
  const path = `metadata.annotations[${JSON.stringify(ANNOTATIONS.replaceUnready)}]`
  return [{ path, kind: 'update', replace: true }]
}

/** Which changes the API refuses on an existing object, so that it has to be made anew. */
import { isUnder, type PropertyChange } from '../engine/diff.ts'
import type { KubernetesObject } from './object.ts'
import { parseQuantity } from './quantity.ts'

const ANY_KIND = ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace']

/**
 * By kind. Those of ConfigMap and Secret are not the API's but the official provider's (enableConfigMapMutable and
 * enableSecretMutable are off): Pods that mount one by name get to see new data only through a new name.
 */
const BY_KIND: Record<string, readonly string[]> = {
  ClusterRoleBinding: ['roleRef'],
  ConfigMap: ['binaryData', 'data', 'immutable'],
  CSIDriver: ['spec'],
  DaemonSet: ['spec.selector'],
  Deployment: ['spec.selector'],
  IngressClass: ['spec.controller'],
  Job: ['spec.completionMode', 'spec.completions', 'spec.podFailurePolicy', 'spec.selector', 'spec.template'],
  PersistentVolume: [
    'spec.persistentVolumeSource',
    'spec.hostPath',
    'spec.local',
    'spec.nodeAffinity',
    'spec.volumeMode',
  ],
  PersistentVolumeClaim: ['spec'],
  Pod: ['spec'],
  PodDisruptionBudget: [],
  PriorityClass: ['preemptionPolicy', 'value'],
  ReplicaSet: ['spec.selector'],
  RoleBinding: ['roleRef'],
  Secret: ['data', 'immutable', 'stringData', 'type'],
  Service: ['spec.clusterIP', 'spec.clusterIPs'],
  StatefulSet: ['spec.podManagementPolicy', 'spec.selector', 'spec.serviceName', 'spec.volumeClaimTemplates'],
  StorageClass: ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'],
}

/** Paths below those above that may change nevertheless. */
const MUTABLE: Record<string, readonly RegExp[]> = {
  PersistentVolumeClaim: [/^spec\.volumeAttributesClassName$/],
  Pod: [
    /^spec\.activeDeadlineSeconds$/,
    /^spec\.(initContainers|containers)\[\d+\]\.image$/,
    /^spec\.terminationGracePeriodSeconds$/,
    /^spec\.tolerations/,
  ],
}

const CLAIM_SIZE = 'spec.resources.requests.storage'

const claimSize = (object: KubernetesObject): number => {
  const requests = (object.spec?.resources as { requests?: { storage?: unknown } } | undefined)?.requests
  return parseQuantity(requests?.storage) ?? 0
}

/** Marks the changes that make a new object necessary. */
export function withReplacements(
  changes: readonly Omit<PropertyChange, 'replace'>[],
  before: KubernetesObject,
  after: KubernetesObject,
): PropertyChange[] {
  const fixed = [...ANY_KIND, ...(BY_KIND[after.kind] ?? [])]
  const mutable = MUTABLE[after.kind] ?? []
  return changes.map((change) => {
    const growsClaim =
      after.kind === 'PersistentVolumeClaim' && change.path === CLAIM_SIZE && claimSize(after) >= claimSize(before)
    const free = growsClaim || mutable.some((pattern) => pattern.test(change.path))
    return { ...change, replace: !free && fixed.some((path) => isUnder(change.path, path)) }
  })
}

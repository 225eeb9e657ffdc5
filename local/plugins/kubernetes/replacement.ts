/** Which changes the API refuses on an existing object, so that it has to be made anew. */
import { isUnder, type PropertyChange } from '../engine/diff.ts'
import type { KubernetesObject } from './object.ts'

const ANY_KIND = ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace']

/**
 * By kind. Those of ConfigMap and Secret are not the API's but the official provider's: Pods that mount one by name get
 * to see new data only through a new name. `enableConfigMapMutable` turns it off for ConfigMaps that are not immutable.
 */
const BY_KIND: Record<string, readonly string[]> = {
  ClusterRoleBinding: ['roleRef'],
  ConfigMap: ['binaryData', 'data'],
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
  // Its size is not among them: the API refuses a smaller one.
  PersistentVolumeClaim: ['spec.accessModes', 'spec.selector', 'spec.storageClassName', 'spec.volumeName'],
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
  Pod: [
    /^spec\.activeDeadlineSeconds$/,
    /^spec\.(initContainers|containers)\[\d+\]\.image$/,
    /^spec\.terminationGracePeriodSeconds$/,
    /^spec\.tolerations/,
  ],
}

/** Marks the changes that make a new object necessary. */
export function withReplacements(
  changes: readonly Omit<PropertyChange, 'replace'>[],
  after: KubernetesObject,
  { configMapMutable }: { configMapMutable: boolean },
): PropertyChange[] {
  const mutableNow = after.kind === 'ConfigMap' && configMapMutable && after.immutable !== true
  const fixed = [...ANY_KIND, ...((mutableNow ? undefined : BY_KIND[after.kind]) ?? [])]
  const mutable = MUTABLE[after.kind] ?? []
  return changes.map((change) => {
    const free = mutable.some((pattern) => pattern.test(change.path))
    return { ...change, replace: !free && fixed.some((path) => isUnder(change.path, path)) }
  })
}

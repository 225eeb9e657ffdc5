/** Which volume belongs to which claim of StorageClass `local`. */
import { join } from 'node:path'
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '@kubernetes/client-node'

export const storageClass = 'local'
export const provisionerName = 'passwordless-registry/local-directory'
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by'

/** Also the name of its directory; a claim's uid is never used again. */
export function volumeName(claim: V1PersistentVolumeClaim): string {
  return `pvc-${claim.metadata?.uid}`
}

/** The volume that a claim waits for; undefined when it waits for none, or not for ours. */
export function volumeFor(claim: V1PersistentVolumeClaim, directory: string): V1PersistentVolume | undefined {
  const { metadata, spec, status } = claim
  const waits = status?.phase === 'Pending' && !spec?.volumeName && !metadata?.deletionTimestamp
  const storage = spec?.resources?.requests?.storage
  if (!waits || spec?.storageClassName !== storageClass || !metadata?.uid || !storage) return undefined
  const name = volumeName(claim)
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { [PROVISIONED_BY]: provisionerName } },
    spec: {
      capacity: { storage },
      accessModes: spec.accessModes ?? [],
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: storageClass,
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: metadata.namespace ?? 'default',
        name: metadata.name ?? '',
        uid: metadata.uid,
      },
      hostPath: { path: join(directory, name), type: 'Directory' },
    },
  }
}

/**
 * The directory of a volume whose claim is gone, undefined while it is in use or when it is not ours. It is told from
 * the volume's name, never from its path: whoever may write volumes must not choose what is deleted on this machine.
 */
export function directoryToDelete({ metadata, spec, status }: V1PersistentVolume): string | undefined {
  const ours = metadata?.annotations?.[PROVISIONED_BY] === provisionerName
  const over = status?.phase === 'Released' && spec?.persistentVolumeReclaimPolicy === 'Delete'
  return ours && over && /^pvc-[\da-f-]{36}$/.test(metadata?.name ?? '') ? metadata?.name : undefined
}

/**
 * StorageClass `local` and the rights of its provisioner, which is a process beside the cluster (../provisioner.ts).
 */
import { provisionerName, storageClass } from '../volumes.ts'
import { clusterRole, type Manifest } from './addon.ts'

/** Common name in the provisioner's certificate (../pki.ts). */
const user = 'local-storage'

export const storageObjects: readonly Manifest[] = [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: storageClass, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: provisionerName,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
  },
  ...clusterRole(user, { kind: 'User', name: user }, [
    { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['get', 'list', 'watch', 'create', 'delete'] },
  ]),
]

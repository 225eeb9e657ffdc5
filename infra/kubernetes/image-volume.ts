import * as kubernetes from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { keptWithAdvice } from '../kept.ts'
import { conflictAdvice } from './conflict-advice.ts'
import { DO_NOT_WAIT } from './labels.ts'

export interface ImageVolumeArgs {
  metadata: { name: string; namespace: pulumi.Input<string>; labels: Record<string, string> }
  storageClass: string | undefined
  storageSize: string
  deleteImages: boolean
}

/**
 * The claim of the volume that holds every image. It grows where its class can. It never shrinks and never changes its
 * class: Kubernetes refuses the first, and the second would need another volume, which is refused as its deletion is.
 */
export function imageVolume(
  { metadata, storageClass, storageSize, deleteImages }: ImageVolumeArgs,
  parent: pulumi.Resource | undefined,
): kubernetes.core.v1.PersistentVolumeClaim {
  const resource = keptWithAdvice('images', metadata.name, deleteImages)
  return new kubernetes.core.v1.PersistentVolumeClaim(
    resource.name,
    {
      metadata: { ...metadata, annotations: DO_NOT_WAIT },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: storageSize } },
        ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      },
    },
    { ...resource.options, ...(parent && { parent }), hooks: conflictAdvice() },
  )
}

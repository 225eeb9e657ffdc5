import * as kubernetes from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { keptWithAdvice } from '../protection.ts'
import { conflictAdvice } from './conflict-advice.ts'
import { DO_NOT_WAIT } from './labels.ts'

export interface ImageVolumeArgs {
  metadata: { name: string; namespace: pulumi.Input<string>; labels: Record<string, string> }
  storageClass: string | undefined
  storageSize: string
  deleteImages: boolean
}

/**
 * The claim of the volume with all images. It can grow if its class allows it. It never shrinks, which Kubernetes
 * refuses, and never changes its class, which would need another volume and is refused like its deletion.
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

import * as kubernetes from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { keptWithAdvice } from '../protection.ts'
import { conflictAdvice } from './conflict-advice.ts'
import { labels } from './labels.ts'
import { RESTRICTED_NAMESPACE } from './restricted.ts'

/** A namespace in which only restricted pods run; deleting it deletes its volumes. Returns its name. */
export function makeNamespace(name: string, deleteImages: boolean): pulumi.Output<string> {
  const metadata = { name, labels: { ...labels(name), ...RESTRICTED_NAMESPACE } }
  const resource = keptWithAdvice('namespace of the images', name, deleteImages)
  const options = { ...resource.options, hooks: conflictAdvice() }
  return new kubernetes.core.v1.Namespace(resource.name, { metadata }, options).metadata.name
}

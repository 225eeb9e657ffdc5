import * as kubernetes from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { labels } from './labels.ts'
import { RESTRICTED_NAMESPACE } from './restricted.ts'

/** A namespace in which only restricted pods run. Returns its name. */
export function makeNamespace(name: string): pulumi.Output<string> {
  const metadata = { name, labels: { ...labels(name), ...RESTRICTED_NAMESPACE } }
  return new kubernetes.core.v1.Namespace(name, { metadata }).metadata.name
}

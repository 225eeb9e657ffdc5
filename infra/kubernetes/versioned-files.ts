import { createHash } from 'node:crypto'
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { labels } from './labels.ts'

/** Characters of the digest in a name: long enough to avoid collisions, short enough to read. */
const DIGEST_LENGTH = 10

/** A name that changes with the files' names and contents, and nothing else. */
export function versionedName(name: string, files: Record<string, string>): string {
  const digest = createHash('sha256').update(JSON.stringify(Object.entries(files).sort()))
  return `${name}-${digest.digest('hex').slice(0, DIGEST_LENGTH)}`
}

/**
 * Files for a pod in a ConfigMap that has their digest in its name. Changed files make a new ConfigMap, so the
 * Deployment that mounts it rolls over, and old pods keep the old files until they end.
 */
export function versionedFiles(
  name: string,
  args: { namespace: pulumi.Input<string>; files: pulumi.Input<Record<string, pulumi.Input<string>>> },
  parent: pulumi.Resource,
): kubernetes.core.v1.ConfigMap {
  return new kubernetes.core.v1.ConfigMap(
    name,
    {
      metadata: {
        name: pulumi.output(args.files).apply((files) => versionedName(name, files)),
        namespace: args.namespace,
        labels: labels(name),
      },
      data: args.files,
      immutable: true,
    },
    { parent },
  )
}

/**
 * Stands in for the Kubernetes provider where a test is about authentik's half of the program: it makes whatever it is
 * asked for, in no cluster.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { projectDir } from '../../local/paths.ts'
import { changedLeaves } from '../../local/plugins/engine/diff.ts'
import type { Provider } from '../../local/plugins/engine/provider.ts'
import { serveProvider } from '../../local/plugins/engine/resource-provider.ts'
import { versionOf } from '../../local/plugins/install.ts'

const provider: Provider = {
  version: await versionOf('@pulumi/kubernetes'),
  cancel: new AbortController(),
  configure: () => {},
  check: ({ news }) => ({ inputs: news }),
  diff: ({ oldInputs, news }) => ({
    changes: changedLeaves(oldInputs, news).map((change) => ({ ...change, replace: false })),
  }),
  create: async ({ name, inputs, preview }) => ({ id: preview ? '' : name, state: inputs }),
  read: async ({ id, oldState, oldInputs }) => ({ id, state: oldState, inputs: oldInputs }),
  update: async ({ news }) => news,
  delete: async () => {},
}

/** Puts it where the engine looks for the plugin, instead of what `linkPlugins` has put there. */
export async function installAgreeableKubernetes(pulumiHome: string): Promise<void> {
  const directory = join(pulumiHome, 'plugins', `resource-kubernetes-v${await versionOf('@pulumi/kubernetes')}`)
  const file = join(directory, 'pulumi-resource-kubernetes')
  await mkdir(directory, { recursive: true })
  await rm(file, { force: true })
  const node = join(projectDir, 'node_modules', '.bin', 'node')
  await writeFile(file, `#!/bin/sh\nexec '${node}' '${import.meta.filename}' serve "$@"\n`, { mode: 0o755 })
}

if (process.argv[2] === 'serve') {
  process.argv.splice(2, 1)
  await serveProvider(provider)
}

/**
 * Stands in for the Kubernetes provider where a test is about authentik's half of the program: it makes whatever it is
 * asked for, in no cluster.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { projectDir } from '../../local/paths.ts'
import { changedLeaves } from '../../local/plugins/engine/diff.ts'
import type { Provider } from '../../local/plugins/engine/provider.ts'
import { serveProvider } from '../../local/plugins/engine/resource-provider.ts'
import { versionOf } from '../../local/plugins/install.ts'

/** Names the file that lists the objects to refuse. */
const REFUSED_VARIABLE = 'AGREEABLE_KUBERNETES_REFUSES'

async function checkRefused(name: string): Promise<void> {
  const refused: string[] = JSON.parse(await readFile(process.env[REFUSED_VARIABLE] ?? '', 'utf8'))
  if (refused.includes(name)) throw new Error(`${name} is refused by the test`)
}

const provider: Provider = {
  version: await versionOf('@pulumi/kubernetes'),
  configure: () => {},
  check: ({ news }) => ({ inputs: news }),
  diff: ({ oldInputs, news }) => ({
    changes: changedLeaves(oldInputs, news).map((change) => ({ ...change, replace: false })),
  }),
  create: async ({ name, inputs, preview }) => {
    if (!preview) await checkRefused(name)
    return { id: preview ? '' : name, state: inputs }
  },
  read: async ({ id, oldState, oldInputs }) => ({ id, state: oldState, inputs: oldInputs }),
  update: async ({ name, news, preview }) => {
    if (!preview) await checkRefused(name)
    return news
  },
  delete: async () => {},
}

export interface AgreeableKubernetes {
  /** Makes it refuse objects of these names in the state, and take all others. */
  refuse(names: readonly string[]): Promise<void>
}

/** Puts it where the engine looks for the plugin, instead of what `linkPlugins` has put there. */
export async function installAgreeableKubernetes(pulumiHome: string): Promise<AgreeableKubernetes> {
  const directory = join(pulumiHome, 'plugins', `resource-kubernetes-v${await versionOf('@pulumi/kubernetes')}`)
  const file = join(directory, 'pulumi-resource-kubernetes')
  await mkdir(directory, { recursive: true })
  await rm(file, { force: true })
  const node = join(projectDir, 'node_modules', '.bin', 'node')
  const refused = join(directory, 'refused.json')
  const refuse = (names: readonly string[]) => writeFile(refused, JSON.stringify(names))
  await refuse([])
  await writeFile(
    file,
    `#!/bin/sh\n${REFUSED_VARIABLE}='${refused}' exec '${node}' '${import.meta.filename}' serve "$@"\n`,
    { mode: 0o755 },
  )
  return { refuse }
}

if (process.argv[2] === 'serve') {
  process.argv.splice(2, 1)
  await serveProvider(provider)
}

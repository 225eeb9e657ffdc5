/**
 * The files of our kubelet's credential provider: the plug-in and its configuration, as the stack gives them. They stay
 * with the data of the cluster, so that a node that restarts has them from the beginning.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Layout } from './layout.ts'

/** A plug-in and the configuration that names it. */
export interface CredentialProvider {
  readonly plugin: string
  /** A CredentialProviderConfig, YAML. */
  readonly config: string
}

/** By which the configuration of the stack names its plug-in. */
const PLUGIN = 'passwordless-registry'
function filesOf({ data }: Layout) {
  const directory = join(data, 'credential-provider')
  return {
    programs: join(directory, 'bin'),
    plugin: join(directory, 'bin', PLUGIN),
    config: join(directory, 'config.yaml'),
  }
}

/** The kubelet's flags; none before a provider is installed. */
export function credentialProviderFlags(layout: Layout): string[] {
  const { programs, config } = filesOf(layout)
  if (!existsSync(config)) return []
  return [`--image-credential-provider-bin-dir=${programs}`, `--image-credential-provider-config=${config}`]
}

/** @returns whether anything changed, so that the kubelet has to restart */
export async function writeCredentialProvider(layout: Layout, wanted: CredentialProvider): Promise<boolean> {
  const { programs, plugin, config } = filesOf(layout)
  const read = (file: string) => readFile(file, 'utf8').catch(() => undefined)
  if ((await read(plugin)) === wanted.plugin && (await read(config)) === wanted.config) return false
  await mkdir(programs, { recursive: true })
  await writeFile(plugin, wanted.plugin)
  await chmod(plugin, 0o755)
  await writeFile(config, wanted.config)
  return true
}

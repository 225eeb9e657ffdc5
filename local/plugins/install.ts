/**
 * Puts the provider of Kubernetes and the stand-in plugins where the engine keeps installed ones, under the versions
 * that the SDKs ask for. On PATH it finds them too, but then warns of each of them in every run.
 */
import { mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { projectDir } from '../paths.ts'
import { ensureTool } from '../toolchain/index.ts'

/** Starts the plugin whose name the link to it has. */
const starter = join(import.meta.dirname, 'pulumi-plugin')

export async function versionOf(npmPackage: string): Promise<string> {
  const manifest = await readFile(join(projectDir, 'node_modules', npmPackage, 'package.json'), 'utf8')
  const { version, pulumi } = JSON.parse(manifest) as { version: string; pulumi?: { version?: string } }
  return pulumi?.version ?? version
}

/** Links the plugins below `pulumiHome` (what PULUMI_HOME names). Does nothing where they are linked already. */
export async function linkPlugins(pulumiHome: string): Promise<void> {
  const plugins = {
    'language-nodejs': ['@pulumi/pulumi', starter],
    'resource-kubernetes': ['@pulumi/kubernetes', await ensureTool('kubernetes-provider')],
    'resource-terraform-provider': ['@pulumi/authentik', starter],
    'resource-tls': ['@pulumi/tls', starter],
  } as const
  for (const [name, [sdk, command]] of Object.entries(plugins)) {
    const directory = join(pulumiHome, 'plugins', `${name}-v${await versionOf(sdk)}`)
    const link = join(directory, `pulumi-${name}`)
    await mkdir(directory, { recursive: true })
    await rm(link, { force: true })
    await symlink(command, link)
  }
}

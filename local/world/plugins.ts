/**
 * Which provider plugins and language host the engine gets: the official ones where they can be downloaded, otherwise
 * that of Kubernetes as it is built here, and for all others the stand-ins of `local/plugins`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { $ } from 'zx'
import { linkPlugins } from '../plugins/install.ts'

/** Same versions as the SDKs in package.json. */
const official = [
  ['kubernetes', '4.34.2'],
  ['tls', '5.6.1'],
  ['terraform-provider', '1.1.3'],
] as const

/** The Terraform provider behind `sdks/authentik`, fetched by the bridge plugin. */
const bridged = ['terraform-provider@1.1.3', 'goauthentik/authentik', '2026.5.0'] as const

/** How long one official plugin may take to arrive, in seconds. */
const installSeconds = 120

/**
 * @param pulumiDir the folder of the Pulumi CLI. The official download brings the language host along; a CLI that
 *   had to be built means that nothing can be downloaded here, so no time is spent on trying again.
 * @param home a folder in which the stand-ins are put as if they were installed
 * @returns PULUMI_HOME for the engine: undefined where the official plugins are used, from wherever the user has them
 */
export async function pulumiHome(pulumiDir: string, home: string): Promise<string | undefined> {
  if (existsSync(join(pulumiDir, 'pulumi-language-nodejs')) && (await installOfficial(pulumiDir))) return undefined
  await linkPlugins(home)
  return home
}

async function installOfficial(pulumiDir: string): Promise<boolean> {
  const run = $({
    quiet: true,
    nothrow: true,
    timeout: `${installSeconds}s`,
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: 'true' },
  })
  const pulumi = join(pulumiDir, 'pulumi')
  for (const [name, version] of official) {
    // Succeeds at once when that version is installed already.
    if ((await run`${pulumi} plugin install resource ${name} ${version}`).exitCode !== 0) return false
  }
  return (await run`${pulumi} package get-schema ${bridged}`).exitCode === 0
}

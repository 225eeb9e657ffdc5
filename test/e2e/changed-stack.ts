/**
 * `pulumi up` on stack local with its config changed, wherever its images are; the file of the checkout is left alone.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { stackConfigFile } from '../../local/world/settings.ts'
import { type Finished, start } from './npm.ts'
import { stackEnvironment } from './stack-environment.ts'

/**
 * @param change from the text of the stack's config file to another one
 * @param more environment beside that of the stack
 */
export async function upWith(
  change: (config: string) => string | Promise<string>,
  more: Record<string, string> = {},
): Promise<Finished> {
  const folder = await mkdtemp(join(tmpdir(), 'changed-stack-'))
  try {
    const file = join(folder, 'Pulumi.local.yaml')
    const environment = await stackEnvironment()
    const now = environment.PULUMI_OPTION_CONFIG_FILE || stackConfigFile
    await writeFile(file, await change(await readFile(now, 'utf8')))
    const args = ['up', '--yes', '--skip-preview', '--non-interactive', '--suppress-progress', '--config-file', file]
    return await start(['pulumi', ...args], { ...environment, ...more }).finished
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The text of a stack's config file with some of our settings changed. */
export function withSettings(config: string, settings: Readonly<Record<string, unknown>>): string {
  const file = parse(config)
  for (const [name, value] of Object.entries(settings)) file.config[`passwordless-registry:${name}`] = value
  return stringify(file)
}

/** The defaults of settings, where Pulumi.yaml declares them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const projectFile = z.object({ config: z.record(z.string(), z.object({ default: z.unknown().optional() })) })

/**
 * Pulumi uses a default only if a setting is missing. An empty setting means the same (see Pulumi.yaml), so the program
 * needs the defaults too.
 *
 * @param text of Pulumi.yaml
 * @returns by name, as Pulumi passes them: lists and maps as JSON
 */
export function settingDefaults(text: string): Record<string, string> {
  const { config } = projectFile.parse(parse(text))
  return Object.fromEntries(
    Object.entries(config)
      // What the file sets for a provider is not one of our settings: `kubernetes:...`.
      .filter(([name]) => !name.includes(':'))
      .map(([name, { default: value }]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}

/** The defaults of this project. */
export function declaredDefaults(): Record<string, string> {
  return settingDefaults(readFileSync(join(import.meta.dirname, '..', 'Pulumi.yaml'), 'utf8'))
}

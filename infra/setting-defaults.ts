/** The defaults of settings, where Pulumi.yaml declares them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const projectFile = z.object({ config: z.record(z.string(), z.object({ default: z.unknown().optional() })) })

/**
 * Pulumi fills in a default only where a setting is not there. One that is there and empty means the same (Pulumi.yaml
 * says so), so the program has to know the defaults as well.
 *
 * @param text of Pulumi.yaml
 * @returns by name, as Pulumi hands them over: lists and maps as JSON
 */
export function settingDefaults(text: string): Record<string, string> {
  const { config } = projectFile.parse(parse(text))
  return Object.fromEntries(
    Object.entries(config)
      // What the file sets for a provider is no setting of ours: `kubernetes:...`.
      .filter(([name]) => !name.includes(':'))
      .map(([name, { default: value }]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}

/** Those of this project. */
export function declaredDefaults(): Record<string, string> {
  return settingDefaults(readFileSync(join(import.meta.dirname, '..', 'Pulumi.yaml'), 'utf8'))
}

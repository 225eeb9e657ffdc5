/**
 * Finds a tool that the machine has already, in a version that will do.
 */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { run } from './command.ts'
import type { Tool } from './tools.ts'

const VERSION_LIMIT_SECONDS = 20

/**
 * @param path a PATH variable; relative entries are left out, since what they find depends on the current folder
 * @returns the first folder on PATH that holds all commands of the tool, the first of them in an accepted version;
 *   all from one folder, since a control plane of mixed versions is none
 */
export async function findOnPath(tool: Tool, path: string): Promise<string | undefined> {
  if (tool.onPath === undefined) return undefined
  for (const directory of path.split(delimiter).filter(isAbsolute)) {
    if (!(await holdsAll(directory, tool.commands))) continue
    const printed = await run([join(directory, tool.commands[0]), ...tool.onPath.versionArguments], {
      environment: { PULUMI_SKIP_UPDATE_CHECK: 'true' },
      timeoutSeconds: VERSION_LIMIT_SECONDS,
    }).catch(() => '')
    if (isAcceptedVersion(printed, tool.version, tool.onPath.samePart)) return directory
  }
  return undefined
}

/** Whether a folder holds these commands, each executable. */
export async function holdsAll(directory: string, commands: readonly string[]): Promise<boolean> {
  const found = await Promise.allSettled(commands.map((command) => access(join(directory, command), constants.X_OK)))
  return found.every(({ status }) => status === 'fulfilled')
}

/**
 * @param printed what the command says about itself; the first x.y.z in it counts
 * @returns true when that is not older than `wanted`, and the same up to its major or minor part
 */
export function isAcceptedVersion(printed: string, wanted: string, samePart: 'major' | 'minor'): boolean {
  const found = parseVersion(printed)
  const least = parseVersion(wanted)
  if (found === undefined || least === undefined) return false
  const same = samePart === 'major' ? 1 : 2
  const difference = found.findIndex((part, index) => part !== least[index])
  return difference === -1 || (difference >= same && (found[difference] ?? 0) > (least[difference] ?? 0))
}

function parseVersion(text: string): number[] | undefined {
  return /(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number)
}

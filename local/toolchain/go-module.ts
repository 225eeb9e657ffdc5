/** The files of a Go module beside its code, such as the definitions that it publishes; pinned as the tools are. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { run } from './command.ts'
import type { Tool } from './tools.ts'

const DOWNLOAD_LIMIT_SECONDS = 300

/** Where and how Go works with the modules that a folder of go/ pins. */
export const goModule = (module: Tool['build']['module']) => ({
  cwd: join(import.meta.dirname, 'go', module),
  environment: { GOFLAGS: '-mod=readonly', GOWORK: 'off' },
})

/**
 * @param module the folder of go/ whose go.mod and go.sum pin it
 * @param path of the module, such as `sigs.k8s.io/gateway-api`
 * @returns the folder in Go's cache that holds its files; nothing may be written there
 */
export async function goModuleDirectory(module: Tool['build']['module'], path: string): Promise<string> {
  const { cwd, environment } = goModule(module)
  const goMod = await readFile(join(cwd, 'go.mod'), 'utf8')
  const version = goMod
    .split('\n')
    .map((line) => line.trim().split(' '))
    .find(([name]) => name === path)?.[1]
  if (version === undefined) throw new Error(`${join(cwd, 'go.mod')} does not name ${path}`)
  // With the version, Go does not read the other modules; what it downloads still has to match go.sum.
  const printed = await run(['go', 'mod', 'download', '-json', `${path}@${version}`], {
    cwd,
    environment,
    timeoutSeconds: DOWNLOAD_LIMIT_SECONDS,
  })
  return z.object({ Dir: z.string() }).parse(JSON.parse(printed)).Dir
}

/**
 * Gets the tools that the local world needs: from PATH, from the cache, from their publishers, or built from source.
 */
import { dirname, join } from 'node:path'
import { cacheDir } from '../paths.ts'
import { say } from '../steps.ts'
import { createDownloader, type Downloader } from './download.ts'
import { withLock } from './lock.ts'
import { findOnPath } from './on-path.ts'
import { type NamedTool, openToolbox } from './toolbox.ts'
import { type Tool, type ToolName, tools } from './tools.ts'

export type { ToolName }

const table: Record<ToolName, Tool> = tools

/** Another run may be building everything, which takes up to half an hour on a slow machine. */
const OTHER_RUN_LIMIT_SECONDS = 3600

export interface ToolOptions {
  cache?: string
  path?: string
  downloader?: Downloader
}

/**
 * @returns the absolute path of the tool's command; what else the tool consists of lies beside it (the Pulumi CLI's
 *   language hosts where it was downloaded, all of Kubernetes beside `kubectl`)
 * @throws Stop when it can neither be found, downloaded nor built
 */
export async function ensureTool(name: ToolName, options: ToolOptions = {}): Promise<string> {
  return (await ensureTools([name], options))[name]
}

/** The folder with kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubelet, kubectl and etcd. */
export async function ensureKubernetes(options: ToolOptions = {}): Promise<string> {
  return dirname(await ensureTool('kubernetes', options))
}

/** As ensureTool, for several at once: what has to be built is built together, which saves compiling twice. */
export async function ensureTools<Name extends ToolName>(
  names: readonly Name[],
  options: ToolOptions = {},
): Promise<Record<Name, string>> {
  const { cache = cacheDir, path = process.env.PATH ?? '' } = options
  const directory = join(cache, 'tools')
  const toolbox = openToolbox(directory, options.downloader ?? createDownloader())
  const found = new Map<ToolName, string>()
  const search = async () => {
    const missing: NamedTool[] = []
    for (const name of new Set(names)) {
      const named = [name, table[name]] as const
      const place = found.get(name) ?? (await findOnPath(named[1], path)) ?? (await toolbox.find(named))
      if (place === undefined) missing.push(named)
      else found.set(name, place)
    }
    return missing
  }

  if ((await search()).length > 0) {
    await withLock(
      join(directory, 'lock'),
      async () => {
        await toolbox.download(await search())
        await toolbox.build(await search())
      },
      { limitSeconds: OTHER_RUN_LIMIT_SECONDS, onWait: () => say('Waiting for another run that gets tools') },
    )
    await search()
  }
  const commandOf = (name: Name) => {
    const place = found.get(name)
    if (place === undefined) throw new Error(`${name} was put into ${directory}, but is not found there`)
    return join(place, table[name].commands[0])
  }
  return Object.fromEntries(names.map((name) => [name, commandOf(name)])) as Record<Name, string>
}

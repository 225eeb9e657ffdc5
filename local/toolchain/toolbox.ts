/**
 * The folder in which downloaded and built tools are kept, each in a folder of its own whose name says what is in it:
 * its version when downloaded, a hash over everything that decides the outcome when built.
 */
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { say, step } from '../steps.ts'
import { buildAll, buildKey, fetchSources, goVersion, missingGo, packagesOf } from './build.ts'
import type { Downloader } from './download.ts'
import { holdsAll } from './on-path.ts'
import type { Platform, Tool } from './tools.ts'

export type NamedTool = readonly [name: string, tool: Tool]

export interface Toolbox {
  /** The folder of a tool that was downloaded or built before. */
  find(tool: NamedTool): Promise<string | undefined>
  /** Downloads those that have a publisher within reach; a failure is a note, since there still is the build. */
  download(tools: readonly NamedTool[]): Promise<void>
  /** Builds all of them. */
  build(tools: readonly NamedTool[]): Promise<void>
}

/** Work in progress lies in folders of this name and is moved to its place when complete. */
const PARTIAL = 'partial-'

/** To be used by one process at a time, except for `find`. */
export function openToolbox(directory: string, downloader: Downloader): Toolbox {
  const platform = goPlatform()
  const goVersions = new Map<string, Promise<string | undefined>>()
  const go = (module: Tool['build']['module']) => {
    const version = goVersions.get(module) ?? goVersion(module)
    goVersions.set(module, version)
    return version
  }

  const downloadedPlace = ([name, tool]: NamedTool) =>
    join(directory, `${name}-${tool.version}-${platform.os}-${platform.arch}`)
  const builtPlace = async ([name, tool]: NamedTool) => {
    const version = await go(tool.build.module)
    return version && join(directory, `${name}-${await buildKey(tool.build, version)}`)
  }

  /** Gives `work` an empty folder and removes it afterwards; what a killed run left behind goes first. */
  const withPartial = async (work: (partial: string) => Promise<void>) => {
    await mkdir(directory, { recursive: true })
    const remains = (await readdir(directory)).filter((entry) => entry.startsWith(PARTIAL))
    for (const entry of remains) await rm(join(directory, entry), { recursive: true, force: true })
    const partial = await mkdtemp(join(directory, PARTIAL))
    try {
      await work(partial)
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
  }

  const moveIntoPlace = async (from: string, [name, tool]: NamedTool, place: string) => {
    if (!(await holdsAll(from, tool.commands))) {
      throw new Error(`${name} was expected to bring ${tool.commands.join(', ')}; not all of them came`)
    }
    await rm(place, { recursive: true, force: true })
    await rename(from, place)
  }

  const downloadOne = async (named: NamedTool, from: string) => {
    const [name, tool] = named
    const title = `Downloading ${name} ${tool.version}`
    const work = async () => {
      await downloader.fetchAll(tool.downloads({ ...platform, version: tool.version }), from)
      await moveIntoPlace(from, named, downloadedPlace(named))
    }
    await step(title, work, { takesMinutes: true }).catch((error) => say(`${title}: ${error.message}`))
  }

  const buildModule = async (module: Tool['build']['module'], group: readonly NamedTool[], partial: string) => {
    const builds = group.map(([, tool]) => tool.build)
    await buildAll(module, builds, partial)
    for (const named of group) {
      const [name, { build, commands }] = named
      const programs = build.multiCall ? [build.multiCall] : packagesOf(build).map((path) => basename(path))
      const place = await builtPlace(named)
      if (place === undefined) throw await missingGo(module, [name])
      const complete = join(partial, `${name}.complete`)
      await mkdir(complete)
      for (const program of programs) await rename(join(partial, program), join(complete, program))
      if (build.multiCall) for (const command of commands) await symlink(build.multiCall, join(complete, command))
      await moveIntoPlace(complete, named, place)
    }
  }

  return {
    async find(named) {
      const isThere = (place: string) => holdsAll(place, named[1].commands)
      const downloaded = downloadedPlace(named)
      if (await isThere(downloaded)) return downloaded
      const built = await builtPlace(named)
      return built && (await isThere(built)) ? built : undefined
    },
    async download(tools) {
      const published = tools.filter(([, tool]) => tool.publishedFor.includes(platform.os))
      const within = await Promise.all(
        published.map(([, tool]) => downloader.reaches(tool.downloads({ ...platform, version: tool.version }))),
      )
      await withPartial(async (partial) => {
        const reachable = published.filter((_, index) => within[index])
        await Promise.all(reachable.map((named) => downloadOne(named, join(partial, named[0]))))
      })
    },
    async build(tools) {
      const modules = [...Map.groupBy(tools, ([, tool]) => tool.build.module)]
      for (const [module, group] of modules) {
        if ((await go(module)) === undefined) throw await missingGo(module, namesOf(group))
      }
      for (const [index, [module, group]] of modules.entries()) {
        const next = modules[index + 1]
        // What cannot be fetched ahead is fetched by the build itself, which then reports what is wrong.
        const fetching =
          next &&
          fetchSources(
            next[0],
            next[1].flatMap(([, { build }]) => packagesOf(build)),
          ).catch(() => {})
        const title = `Building ${namesOf(group).join(', ')} from source (once; takes minutes)`
        await step(title, () => withPartial((partial) => buildModule(module, group, partial)), { takesMinutes: true })
        await fetching
      }
    },
  }
}

const namesOf = (tools: readonly NamedTool[]) => tools.map(([name]) => name)

/** This machine as publishers name it, with Go's names. */
function goPlatform(): Platform {
  return { os: process.platform, arch: process.arch === 'x64' ? 'amd64' : process.arch }
}

/**
 * Takes files out of Debian packages without installing them: the libraries that the Node binary needs, and a Python 3.
 */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Stop } from '../steps.ts'
import { run } from '../toolchain/command.ts'

/** Asking apt's local database. */
const ASK_SECONDS = 30
/** About 15 MB. */
const DOWNLOAD_SECONDS = 300
/** Of no use in an image. */
const LEAVE_OUT = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/lintian', 'usr/share/info']
/** Depended upon for installing a package, not for running what is in it. */
const INSTALLERS = ['dpkg', 'debconf', 'install-info', 'perl-base', 'tar', 'media-types', 'mime-support']

/**
 * Reads `apt-cache depends --important`: package lines start at the margin, `|Depends:` begins a choice, `<...>` is
 * virtual.
 *
 * @returns the packages that the asked ones need: of a choice the first
 */
export function parseDepends(output: string): string[] {
  const found: string[] = []
  let choosing = false
  for (const line of output.split('\n')) {
    const match = /^ ([ |])(?:Pre)?Depends: (\S+)/.exec(line)
    if (!match) continue
    const [, bar, name = ''] = match
    if (!choosing && !name.startsWith('<')) found.push(name)
    choosing = bar === '|'
  }
  return [...new Set(found)]
}

/** The packages and all that they need to run, from apt's local database. */
export async function closure(roots: readonly string[]): Promise<string[]> {
  const all = new Set(roots)
  for (let next = [...roots]; next.length > 0; ) {
    const output = await apt(['apt-cache', 'depends', '--important', ...next], ASK_SECONDS)
    next = parseDepends(output).filter((name) => !all.has(name) && !INSTALLERS.includes(name))
    for (const name of next) all.add(name)
  }
  return [...all].sort()
}

/** The release's Python 3, such as `python3.11`. */
export async function pythonPackage(): Promise<string> {
  const needed = parseDepends(await apt(['apt-cache', 'depends', '--important', 'python3'], ASK_SECONDS))
  const name = needed.find((candidate) => /^python3\.\d+$/.test(candidate))
  if (!name) throw new Error(`the package python3 of this release depends on no python3.N, but on ${needed.join(', ')}`)
  return name
}

/**
 * Unpacks packages into `directory`, which appears when it is complete; nothing is done, and apt not asked, when it is
 * there.
 *
 * @param choose names the packages
 * @throws Stop when apt cannot deliver
 */
export async function unpackPackages(directory: string, choose: () => Promise<readonly string[]>): Promise<void> {
  if (await stat(directory).catch(() => undefined)) return
  const packages = await choose()
  await mkdir(dirname(directory), { recursive: true })
  const fresh = await mkdtemp(`${directory}.new-`)
  const downloads = join(fresh, 'downloads')
  const root = join(fresh, 'root')
  try {
    await Promise.all([mkdir(downloads), mkdir(root)])
    // Otherwise apt wants to download as its own user, who may not write here.
    await apt(['apt-get', 'download', '--option', 'APT::Sandbox::User=root', ...packages], DOWNLOAD_SECONDS, downloads)
    for (const file of await readdir(downloads)) {
      await run(['dpkg-deb', '--extract', join(downloads, file), root], { timeoutSeconds: ASK_SECONDS })
    }
    await Promise.all(LEAVE_OUT.map((path) => rm(join(root, path), { recursive: true, force: true })))
    await rename(root, directory)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

async function apt(argv: [string, ...string[]], timeoutSeconds: number, cwd?: string): Promise<string> {
  try {
    return await run(argv, { timeoutSeconds, environment: { LC_ALL: 'C' }, ...(cwd ? { cwd } : {}) })
  } catch (error) {
    throw new Stop(
      `The images of the local world are made from Debian packages, and apt cannot deliver them:\n${
        error instanceof Error ? error.message : error
      }\nRun \`apt-get update\` and try again; on a machine without apt, use a cluster of yours (kubernetes:context).`,
    )
  }
}

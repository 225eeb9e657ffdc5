/** Whether this machine can run our cluster, and what to do otherwise. */
import { access, constants, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Stop } from '../steps.ts'
import { run } from '../toolchain/command.ts'

const LIMIT = { timeoutSeconds: 20 }

interface Requirement {
  readonly missing: string
  readonly isMet: () => Promise<unknown>
}

const succeeds =
  (...argv: [string, ...string[]]) =>
  () =>
    run(argv, LIMIT)

/** What no package brings. Packages are installed after this was asked, so nothing here may need one. */
const requirements: readonly Requirement[] = [
  {
    missing: 'overlayfs in the kernel',
    isMet: async () => {
      if ((await readFile('/proc/filesystems', 'utf8')).includes('\toverlay\n')) return
      await run(['modprobe', 'overlay'], LIMIT)
    },
  },
  { missing: 'the right to make network namespaces', isMet: succeeds('unshare', '--net', 'true') },
  {
    missing: 'nftables in the kernel',
    isMet: async () => {
      // Not known before nft is installed; asked again when the cluster starts.
      const nft = await onPath('nft').catch(() => undefined)
      if (nft !== undefined) await run(['unshare', '--net', nft, 'add', 'table', 'ip', 'plr'], LIMIT)
    },
  },
]

/**
 * Checks that our cluster can be started here.
 *
 * @throws Stop with all that is missing at once, and the alternatives
 */
export async function checkMachine(): Promise<void> {
  const missing = await missingHere()
  if (missing.length === 0) return
  throw new Stop(
    [
      'This machine cannot carry the local Kubernetes. Missing:',
      ...missing.map((line) => `  - ${line}`),
      'One of these would do:',
      '  - Linux, as root, with the Debian packages containerd runc containernetworking-plugins nftables iproute2',
      '  - your own cluster, for example one made with kind: pulumi config set kubernetes:context NAME --stack local',
    ].join('\n'),
  )
}

async function missingHere(): Promise<string[]> {
  if (process.platform !== 'linux') return [`Linux (this is ${process.platform})`]
  if (process.getuid?.() !== 0) return ['root (namespaces, mounts and cgroups are made)']
  const unmet = await Promise.all(
    requirements.map(({ missing, isMet }) =>
      isMet().then(
        () => [],
        () => [missing],
      ),
    ),
  )
  return unmet.flat()
}

/** @throws when no folder of PATH, or of those that every system has for root, holds the command */
async function onPath(command: string): Promise<string> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const files = folders.map((folder) => join(folder, command))
  return Promise.any(files.map((file) => access(file, constants.X_OK).then(() => file)))
}

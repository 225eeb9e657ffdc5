/** Whether this machine can carry a cluster of ours, and what would do instead. */
import { access, constants, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Stop } from '../steps.ts'
import { run } from '../toolchain/command.ts'
import { cniPlugins } from './configuration.ts'

const LIMIT = { timeoutSeconds: 20 }

export type Backend = 'namespaces' | 'kind'

interface Requirement {
  readonly missing: string
  readonly isMet: () => Promise<unknown>
}

const succeeds =
  (...argv: [string, ...string[]]) =>
  () =>
    run(argv, LIMIT)

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
    missing: 'nftables in the kernel, or the package nftables',
    isMet: succeeds('unshare', '--net', 'nft', 'add', 'table', 'ip', 'plr'),
  },
  { missing: 'the package iproute2', isMet: () => onPath('ip') },
  { missing: 'the package containerd', isMet: () => onPath('containerd') },
  { missing: 'the package runc', isMet: () => onPath('runc') },
  {
    missing: 'the package containernetworking-plugins',
    isMet: () => readFile(`${cniPlugins}/ptp`).then(() => readFile(`${cniPlugins}/host-local`)),
  },
]

/**
 * Chooses how a cluster is started here: kind where Docker runs and `kind` is installed, else our own.
 *
 * @throws Stop with all that is missing at once, and the alternatives
 */
export async function checkMachine(): Promise<Backend> {
  if (await hasKind()) return 'kind'
  const missing = await missingHere()
  if (missing.length === 0) return 'namespaces'
  throw new Stop(
    [
      'This machine cannot carry the local Kubernetes. Missing:',
      ...missing.map((line) => `  - ${line}`),
      'One of these would do:',
      '  - Linux, as root, with the Debian packages containerd runc containernetworking-plugins nftables iproute2',
      '  - a running Docker, and `kind` on PATH',
      '  - a cluster of yours: pulumi config set kubernetes:context NAME --stack local',
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

async function hasKind(): Promise<boolean> {
  const found = await Promise.allSettled([onPath('kind'), onPath('docker').then(succeeds('docker', 'info'))])
  return found.every(({ status }) => status === 'fulfilled')
}

/** @throws when no folder of PATH, or of those that every system has for root, holds the command */
async function onPath(command: string): Promise<void> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  await Promise.any(folders.map((folder) => access(join(folder, command), constants.X_OK)))
}

/**
 * What the local world takes from the Linux distribution. Debian's packages are good enough for these, and are
 * installed where they are missing; on another distribution the missing commands are named.
 */
import { existsSync, rmSync } from 'node:fs'
import { access, constants, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Stop, say, step } from '../steps.ts'
import { CommandError, run } from './command.ts'

export interface Need {
  /** What is looked for: a command on PATH, a file at one of several places, or a command that has to succeed. */
  command?: string
  files?: readonly string[]
  succeeds?: readonly [string, ...string[]]
  /** Which package brings it; of several, the first that this release of Debian has. */
  packages: readonly [string, ...string[]]
}

/** Commands that packages of the same names bring. */
const sameNamed = (...commands: string[]): Need[] => commands.map((command) => ({ command, packages: [command] }))

/** A node of Kubernetes, and the clients that push and pull in the proof and the tests. */
export const localWorldNeeds: readonly Need[] = [
  ...sameNamed('containerd', 'runc', 'iptables', 'conntrack', 'openssl', 'skopeo', 'python3'),
  { files: ['/usr/lib/cni/ptp'], packages: ['containernetworking-plugins'] },
  { command: 'nft', packages: ['nftables'] },
  { command: 'ip', packages: ['iproute2'] },
  { command: 'nsenter', packages: ['util-linux'] },
  { command: 'dockerd', packages: ['docker.io'] },
  // A package of its own from Debian 13 on.
  { command: 'docker', packages: ['docker-cli', 'docker.io'] },
  { succeeds: ['python3', '-c', 'import ensurepip, venv'], packages: ['python3-venv'] },
]

/** What the workflow texts call where CI runs them, and gitlab-ci-local to run them here. */
export const workflowNeeds = sameNamed('bash', 'curl', 'jq', 'git', 'rsync', 'shellcheck', 'wget')

/** Prometheus, and the program that tests its rules. */
export const monitoringNeeds: readonly Need[] = [
  { command: 'prometheus', packages: ['prometheus'] },
  { command: 'promtool', packages: ['prometheus'] },
]

/** The part of the machine that this touches, so that a test can bring its own. */
export interface Machine {
  path: string
  isDebian: boolean
  isRoot: boolean
  /** Asked by package scripts before they start a service, https://manpages.debian.org/invoke-rc.d */
  policyFile: string
  sleep(seconds: number): Promise<void>
  run(
    argv: readonly [string, ...string[]],
    options: { environment?: Record<string, string>; timeoutSeconds: number },
  ): Promise<string>
}

const PROBE_LIMIT_SECONDS = 20
const APT_LIMIT_SECONDS = 600
/** How long another apt-get or dpkg may hold its lock. */
const LOCK_LIMIT_SECONDS = 300
const LOCK_POLL_SECONDS = 5

/** Where the commands of root are; the PATH of other users often lacks them. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin']

const thisMachine = (): Machine => ({
  path: [process.env.PATH ?? '', ...SYSTEM_DIRECTORIES].join(delimiter),
  isDebian: existsSync('/etc/debian_version'),
  isRoot: process.getuid?.() === 0,
  policyFile: '/usr/sbin/policy-rc.d',
  sleep: (seconds) => sleep(seconds * 1000),
  run,
})

/**
 * Installs what is missing, naming it first; starts none of the services that come with it.
 *
 * @param options.install false only names what is missing
 * @throws Stop when something is missing and not to be installed here: names it and the command to type
 */
export async function ensurePackages(options: {
  install: boolean
  needs?: readonly Need[]
  machine?: Machine
}): Promise<void> {
  const { needs = localWorldNeeds, machine = thisMachine() } = options
  const missing = await findMissing(needs, machine)
  if (missing.length === 0) return
  if (!machine.isDebian) {
    throw new Stop(`Needed and not found: ${describe(missing)}. Your distribution's package manager has them.`)
  }

  const mayInstall = options.install && machine.isRoot
  if (mayInstall && !(await areListed(missing, machine)))
    await step('Fetching package lists', () => update(machine), { takesMinutes: true })
  const packages = await choosePackages(missing, machine)
  const named = `Missing Debian packages: ${packages.join(' ')}`
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`
  if (!mayInstall) throw new Stop(`${named}\nTo install them, type as root: ${command}`)

  say(named)
  await step('Installing them', () => install(packages, machine), { takesMinutes: true })
  const still = await findMissing(needs, machine)
  if (still.length > 0) throw new Stop(`${command}\nwent well, but still not found: ${describe(still)}`)
}

const describe = (needs: readonly Need[]) =>
  needs.map(({ command, files, succeeds }) => command ?? files?.join(' or ') ?? succeeds?.join(' ')).join(', ')

async function findMissing(needs: readonly Need[], machine: Machine): Promise<Need[]> {
  const found = await Promise.all(needs.map((need) => isThere(need, machine)))
  return needs.filter((_, index) => !found[index])
}

function isThere({ command, files = [], succeeds }: Need, machine: Machine): Promise<boolean> {
  const places = command ? machine.path.split(delimiter).map((directory) => join(directory, command)) : files
  const search: Promise<unknown> = succeeds
    ? machine.run(succeeds, { timeoutSeconds: PROBE_LIMIT_SECONDS })
    : Promise.any(places.map((file) => access(file, constants.X_OK)))
  return search.then(
    () => true,
    () => false,
  )
}

/** The package for each need: the first one that apt can install, else the last, which old releases have. */
async function choosePackages(needs: readonly Need[], machine: Machine): Promise<string[]> {
  const chosen = new Set<string>()
  for (const { packages } of needs) {
    let choice = packages[0]
    for (choice of packages) if (await isListed(choice, machine)) break
    chosen.add(choice)
  }
  return [...chosen]
}

async function areListed(needs: readonly Need[], machine: Machine): Promise<boolean> {
  const packages = await choosePackages(needs, machine)
  const listed = await Promise.all(packages.map((name) => isListed(name, machine)))
  return listed.every(Boolean)
}

/** Whether apt's lists have a version of the package to install. */
async function isListed(name: string, machine: Machine): Promise<boolean> {
  const policy = await machine.run(['apt-cache', 'policy', name], {
    environment: { LC_ALL: 'C' },
    timeoutSeconds: APT_LIMIT_SECONDS,
  })
  return /Candidate: (?!\(none\))/.test(policy)
}

const update = (machine: Machine) => aptGet(['update'], machine)

async function install(packages: readonly string[], machine: Machine): Promise<void> {
  const arguments_ = ['install', '--yes', '--no-install-recommends', ...packages]
  await withoutServices(machine.policyFile, async () => {
    try {
      await aptGet(arguments_, machine)
    } catch (error) {
      // The lists may name versions that the mirror has replaced since.
      if (!(error instanceof CommandError) || !/404|Failed to fetch/.test(error.message)) throw error
      await update(machine)
      await aptGet(arguments_, machine)
    }
  })
}

/** Waits while another apt-get or dpkg is at work. */
async function aptGet(args: readonly string[], machine: Machine): Promise<void> {
  for (let waited = 0; ; ) {
    try {
      await machine.run(['apt-get', '--quiet=2', ...args], {
        environment: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
        timeoutSeconds: APT_LIMIT_SECONDS,
      })
      return
    } catch (error) {
      const locked = error instanceof CommandError && /Could not get lock|Unable to (acquire|lock)/.test(error.message)
      if (!locked || waited >= LOCK_LIMIT_SECONDS) throw error
      waited += LOCK_POLL_SECONDS
      await machine.sleep(LOCK_POLL_SECONDS)
    }
  }
}

/** containerd and docker are run by the local world itself, so their packages must not start them as well. */
async function withoutServices(policyFile: string, work: () => Promise<void>): Promise<void> {
  // Exit code 101: what the package script is about to do is forbidden. A policy that is there already stays.
  const ours = await writeFile(policyFile, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 }).then(
    () => true,
    () => false,
  )
  if (!ours) return work()
  const remove = () => rmSync(policyFile, { force: true })
  process.once('exit', remove)
  try {
    await work()
  } finally {
    remove()
    process.off('exit', remove)
  }
}

import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CommandError } from './command.ts'
import { ensurePackages, type Machine, type Need } from './debian.ts'

const needs: Need[] = [
  { command: 'runc', packages: ['runc'] },
  { command: 'docker', packages: ['docker-cli', 'docker.io'] },
  { files: ['/nowhere/cni/bridge', '/nowhere/bin/bridge'], packages: ['containernetworking-plugins'] },
  { succeeds: ['python3', '-c', 'import venv'], packages: ['python3-venv'] },
]

let directory: string
let listed: string[]
let calls: string[]
let slept: number[]
let policyDuringInstall: string | undefined
/** What apt-get does in this test, beside being noted. */
let aptGet: (verb: string) => Promise<void>
let machine: Machine
/** What a person sees on standard error. */
let written: string

const provide = async (command: string) => {
  await writeFile(join(directory, command), '')
  await chmod(join(directory, command), 0o755)
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'debian-'))
  listed = ['runc', 'docker.io', 'containernetworking-plugins']
  calls = []
  slept = []
  written = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += text
    return true
  })
  policyDuringInstall = undefined
  aptGet = async (verb) => {
    if (verb === 'install') await Promise.all([provide('runc'), provide('docker')])
  }
  machine = {
    path: directory,
    isDebian: true,
    isRoot: true,
    policyFile: join(directory, 'policy-rc.d'),
    sleep: async (seconds) => void slept.push(seconds),
    async run([command, ...args]) {
      if (command === 'apt-cache') return `  Candidate: ${listed.includes(args[1] ?? '') ? '1.0-1' : '(none)'}`
      if (command === 'python3') throw new CommandError('No module named venv', 1)
      calls.push([command, ...args].join(' '))
      const verb = args[1] ?? ''
      if (verb === 'install') policyDuringInstall = await readFile(machine.policyFile, 'utf8')
      await aptGet(verb)
      return ''
    },
  }
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(directory, { recursive: true })
})

const ensure = (install = true) => ensurePackages({ install, needs: needs.slice(0, 2), machine })

test('does nothing when all is there', async () => {
  await Promise.all([provide('runc'), provide('docker')])
  await ensure()
  expect([calls, written]).toEqual([[], ''])
})

test('names what is missing, then installs it without starting services', async () => {
  await provide('runc')
  await ensure()
  expect(written).toMatch(/^Missing Debian packages: docker\.io\n/)
  expect(calls).toEqual(['apt-get --quiet=2 install --yes --no-install-recommends docker.io'])
  expect(policyDuringInstall).toBe('#!/bin/sh\nexit 101\n')
  expect(existsSync(machine.policyFile)).toBe(false)
})

test('only names it when not to install, or not root', async () => {
  const message = /Missing Debian packages: runc docker\.io\n.*apt-get install --no-install-recommends runc docker\.io$/
  await expect(ensure(false)).rejects.toThrow(message)
  machine.isRoot = false
  await expect(ensure()).rejects.toThrow(message)
  expect(calls).toEqual([])
})

test('names commands and files where there is no Debian', async () => {
  machine.isDebian = false
  await expect(ensurePackages({ install: true, needs, machine })).rejects.toThrow(
    'Needed and not found: runc, docker, /nowhere/cni/bridge or /nowhere/bin/bridge, python3 -c import venv.',
  )
})

test('takes the package that this release has', async () => {
  listed.push('docker-cli')
  await provide('runc')
  await ensure()
  expect(written).toMatch(/^Missing Debian packages: docker-cli\n/)
})

test('fetches lists when they lack a package, and when they are outdated', async () => {
  listed = []
  await ensure()
  expect(calls.map((call) => call.split(' ')[2])).toEqual(['update', 'install'])

  calls = []
  listed = ['runc', 'docker.io']
  await Promise.all(['runc', 'docker'].map((command) => rm(join(directory, command))))
  aptGet = async (verb) => {
    if (verb !== 'install') return
    if (calls.length === 1) throw new CommandError('E: Failed to fetch runc_1.0-1_amd64.deb  404  Not Found', 100)
    await Promise.all([provide('runc'), provide('docker')])
  }
  await ensure()
  expect(calls.map((call) => call.split(' ')[2])).toEqual(['install', 'update', 'install'])
})

test('waits for another apt-get, but not for ever', async () => {
  const locked = new CommandError('E: Could not get lock /var/lib/dpkg/lock-frontend.', 100)
  aptGet = async () => {
    if (calls.length < 3) throw locked
    await Promise.all([provide('runc'), provide('docker')])
  }
  await ensure()
  expect(slept).toEqual([5, 5])

  await rm(join(directory, 'runc'))
  aptGet = () => Promise.reject(locked)
  await expect(ensure()).rejects.toThrow('Could not get lock')
  expect(slept.reduce((a, b) => a + b)).toBe(310)
})

test('a failure is passed on and leaves no policy behind; one that was there stays', async () => {
  aptGet = () => Promise.reject(new CommandError('E: Sub-process dpkg returned an error', 100))
  await expect(ensure()).rejects.toThrow('Sub-process dpkg')
  expect(existsSync(machine.policyFile)).toBe(false)

  await writeFile(machine.policyFile, '#!/bin/sh\nexit 0\n')
  await expect(ensure()).rejects.toThrow('Sub-process dpkg')
  expect(await readFile(machine.policyFile, 'utf8')).toBe('#!/bin/sh\nexit 0\n')
})

test('says when the packages did not bring what was looked for', async () => {
  aptGet = async () => {}
  await expect(ensure()).rejects.toThrow('still not found: runc, docker')
})

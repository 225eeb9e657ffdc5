import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { packageRoot, requiredPackages } from './packages.ts'
import { nodeArguments, outcomeOf, type Program, splitWords } from './program.ts'

const PROGRAM: Program = {
  rootDirectory: '/project',
  programDirectory: '/project/infra',
  entryPoint: 'index.ts',
  options: { nodeargs: '--import tsx', typescript: false },
  args: [],
  organization: 'organization',
  project: 'small',
  stack: 'dev',
  dryRun: true,
  parallel: 4,
  monitorAddress: '127.0.0.1:1',
  engineAddress: '127.0.0.1:2',
  config: { 'small:key': 'hidden value' },
  configSecretKeys: ['small:key'],
}

test('the command line of a program: loader, runner, flags, entry point, and no configuration', () => {
  const line = nodeArguments(PROGRAM, 'run.js').join(' ')
  expect(line).toMatch(/^--import tsx run\.js --monitor 127\.0\.0\.1:1 --engine 127\.0\.0\.1:2 /)
  expect(line).toMatch(/--pwd \/project\/infra .*--dry-run \/project\/infra\/index\.ts$/)
  expect(line).not.toContain('hidden value')
  expect(nodeArguments({ ...PROGRAM, dryRun: false }, 'run.js')).not.toContain('--dry-run')
})

test('quoted parts stay together', () => {
  expect(splitWords(`--import tsx --title "a b" 'c d'`)).toEqual(['--import', 'tsx', '--title', 'a b', 'c d'])
  expect(splitWords('')).toEqual([])
})

test.each([
  [0, null, { error: '', bail: false }],
  [32, null, { error: '', bail: true }],
  [1, null, { error: 'Program exited with non-zero exit code: 1', bail: false }],
  [null, 'SIGTERM' as const, { error: 'Program was ended by SIGTERM', bail: false }],
])('exit code %s, signal %s', (code, signal, outcome) => {
  expect(outcomeOf(code, signal)).toEqual(outcome)
})

describe('required packages', () => {
  const root = mkdtempSync(join(tmpdir(), 'language-test-'))
  afterAll(() => rmSync(root, { recursive: true }))
  const write = (path: string, manifest: object) => {
    mkdirSync(join(root, path), { recursive: true })
    writeFileSync(join(root, path, 'package.json'), JSON.stringify(manifest))
  }
  const parameterization = { name: 'authentik', version: '2026.2.0', value: 'e30=' }
  write('.', {})
  write('infra', {})
  rmSync(join(root, 'infra', 'package.json'))
  write('node_modules/plain', { name: 'plain', version: '1.0.0' })
  write('node_modules/@pulumi/tls', { name: '@pulumi/tls', version: '5.6.1', pulumi: { resource: true } })
  write('node_modules/@pulumi/authentik', {
    name: '@pulumi/authentik',
    version: '2026.2.0',
    pulumi: { resource: true, name: 'terraform-provider', version: '1.1.3', parameterization },
  })

  test('those that say so, with what their bridge is to be', () => {
    expect(requiredPackages(join(root, 'infra'))).toEqual([
      { name: 'terraform-provider', version: 'v1.1.3', server: '', parameterization },
      { name: 'tls', version: 'v5.6.1', server: '' },
    ])
  })

  test('the nearest package.json above the program counts', () => {
    expect(packageRoot(join(root, 'infra'))).toBe(root)
  })
})

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findOnPath, isAcceptedVersion } from './on-path.ts'
import type { Tool } from './tools.ts'

test.each([
  ['v3.259.0', '3.259.0', 'major', true],
  ['v3.300.1\n', '3.259.0', 'major', true],
  ['v3.258.9', '3.259.0', 'major', false],
  ['v4.0.0', '3.259.0', 'major', false],
  ['registry github.com/distribution/distribution/v3 v3.1.2+unknown', '3.1.2', 'major', true],
  ['Client Version: v1.34.9\nKustomize Version: v5.7.1', '1.34.4', 'minor', true],
  ['Client Version: v1.34.3', '1.34.4', 'minor', false],
  ['Client Version: v1.35.0', '1.34.4', 'minor', false],
  ['Error: unknown command "version"', '3.1.2', 'major', false],
  ['', '3.1.2', 'major', false],
] as const)('%j for %s, same %s: %s', (printed, wanted, samePart, accepted) => {
  expect(isAcceptedVersion(printed, wanted, samePart)).toBe(accepted)
})

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'path-'))
})
afterEach(() => rm(root, { recursive: true }))

const provide = async (directory: string, command: string, version: string) => {
  await mkdir(join(root, directory), { recursive: true })
  await writeFile(join(root, directory, command), `#!/bin/sh\n[ "$1" = tell ] && echo ${version}\n`)
  await chmod(join(root, directory, command), 0o755)
}
const tool: Tool = {
  version: '2.1.0',
  commands: ['main', 'second'],
  onPath: { versionArguments: ['tell'], samePart: 'major' },
  publishedFor: [],
  downloads: () => [],
  build: { module: 'cluster', package: './none' },
}

test('passes over what is too old, incomplete or relative', async () => {
  await provide('old', 'main', 'v2.0.9')
  await provide('old', 'second', '')
  await provide('incomplete', 'main', 'v2.1.0')
  await provide('good', 'main', 'v2.1.3')
  const path = ['old', 'incomplete', 'missing', 'good'].map((directory) => join(root, directory)).join(':')
  expect(await findOnPath(tool, path)).toBe(undefined)
  await provide('good', 'second', '')
  expect(await findOnPath(tool, path)).toBe(join(root, 'good'))
  expect(await findOnPath(tool, 'good:.:')).toBe(undefined)
})

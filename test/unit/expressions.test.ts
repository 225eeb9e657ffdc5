/** Runs the tests of the Python expressions, with the names of the groups as the program sets them. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { renderExpression } from '../../infra/authentik/expression.ts'
import { ensurePython } from '../../local/toolchain/python.ts'

const PYTHON_SECONDS = 120
const folder = join(import.meta.dirname, '..', '..', 'infra', 'authentik', 'expressions')

let python: string
let scratch: string

beforeAll(async () => {
  python = await ensurePython()
  scratch = await mkdtemp(join(tmpdir(), 'expressions-'))
}, PYTHON_SECONDS * 1000)
afterAll(() => rm(scratch, { recursive: true, force: true }))

async function run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const quiet = { PYTHONDONTWRITEBYTECODE: '1', HYPOTHESIS_STORAGE_DIRECTORY: scratch }
  const options = { cwd: folder, env: { ...process.env, ...quiet, ...env }, timeout: PYTHON_SECONDS * 1000 }
  // Python's tests report on stdout, which an error of execFile holds too.
  const { stdout } = await promisify(execFile)(python, args, options).catch((failed) => failed)
  return stdout
}

const pytest = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider']

describe('the scope mapping under Python', () => {
  it('passes its tests as it stands in the file', { timeout: PYTHON_SECONDS * 1000 }, async () => {
    expect(await run(pytest)).toMatch(/^\d+ passed in /m)
  })

  it('passes them with group names that try to be code', { timeout: PYTHON_SECONDS * 1000 }, async () => {
    const groups = [`push"\nreturn {"access": "all"}\n#'\\`, `pull\u2028"""{}$& ä😀`]
    const [push = '', pull = ''] = groups
    const source = await readFile(join(folder, 'docker_registry.py'), 'utf8')
    const file = join(scratch, 'rendered.py')
    await writeFile(file, renderExpression(source, { PUSH_GROUP: push, PULL_GROUP: pull }))
    expect(await run(pytest, { EXPRESSION: file, GROUPS: JSON.stringify(groups) })).toMatch(/^\d+ passed in /m)
  })

  it('is clean and formatted', async () => {
    expect(await run(['-m', 'ruff', 'check', '--no-cache', '.'])).toContain('All checks passed!')
    expect(await run(['-m', 'ruff', 'format', '--no-cache', '--check', '.'])).toContain('already formatted')
  })
})

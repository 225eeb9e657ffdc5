/** The job that writes into merge requests, run by gitlab-ci-local against a stub of GitLab's notes. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { runGitlabCiLocalIn } from '../../test/gitlab-ci-local.ts'

const TOKEN = 'glpat-of-the-project'
const TITLE = '# What this change means for trust'
const template = await readFile(join(import.meta.dirname, 'templates/review.yml'), 'utf8')
const script = parseAllDocuments(template, { logLevel: 'silent' })[1]?.getIn(['trust-review', 'script', 0]) as string
const run = promisify(execFile)

interface Note {
  id: number
  author: { id: number }
  body: string
}

let folder: string
let notes: Note[]
let asked: string[]
let close: () => void
let api: string
/** What GitLab answers instead, by method. */
let failing: Record<string, number>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitlab-review-'))
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'bin/npm'), `#!/bin/sh\nprintf '${TITLE}\\n\\n"%s"\\n' "$*"\n`, { mode: 0o755 })
  await run('git', ['init', '--quiet', '--initial-branch=main', join(folder, 'origin')])
  await writeFile(join(folder, 'origin/review.yml'), template)
  await writeFile(join(folder, 'origin/.gitlab-ci.yml'), 'include:\n  - local: review.yml\n')
  notes = []
  asked = []
  failing = {}
  const server = createServer(async (request, response) => {
    const { method = '', url = '' } = request
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    asked.push(`${method} ${url}`)
    const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body))
    const sent = await text(request)
    const status = request.headers['private-token'] === TOKEN ? failing[method] : 401
    const base = '/api/v4/projects/7/merge_requests/3/notes'
    if (status !== undefined) answer(status, { message: 'no' })
    else if (pathname === '/api/v4/user') answer(200, { id: 42 })
    else if (method === 'GET' && pathname === base) {
      const [page, size] = [Number(searchParams.get('page')), Number(searchParams.get('per_page'))]
      answer(200, notes.slice((page - 1) * size, page * size))
    } else if (method === 'POST' && pathname === base) {
      notes.push({ id: 1000, author: { id: 42 }, body: JSON.parse(sent).body })
      answer(201, {})
    } else if (method === 'PUT') {
      const note = notes.find(({ id }) => pathname === `${base}/${id}`)
      if (note) note.body = JSON.parse(sent).body
      answer(note ? 200 : 404, {})
    } else answer(404, {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v4`
  close = () => {
    server.close()
    server.closeAllConnections()
  }
})
afterEach(async () => {
  close()
  await rm(folder, { recursive: true, force: true })
})

/** A merge request that changes a stack, in a clone as a runner makes it. */
async function review(token = TOKEN) {
  const git = (at: string, ...args: string[]) =>
    run('git', ['-C', join(folder, at), '-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args])
  const revision = async (name: string) => (await git('clone', 'rev-parse', name)).stdout.trim()
  await rm(join(folder, 'clone'), { recursive: true, force: true })
  await git('origin', 'add', '.')
  await git('origin', 'commit', '--quiet', '--allow-empty', '--message=base')
  await git('.', 'clone', '--quiet', join(folder, 'origin'), join(folder, 'clone'))
  await git('clone', 'checkout', '--quiet', '-b', 'change')
  await mkdir(join(folder, 'clone/stacks'))
  await writeFile(join(folder, 'clone/stacks/Pulumi.prod.yaml'), 'config: {}\n')
  await git('clone', 'add', '.')
  await git('clone', 'commit', '--quiet', '--message=change')
  const [base, head] = [await revision('main'), await revision('change')]
  // Meanwhile the target branch goes on.
  await git('origin', 'commit', '--quiet', '--allow-empty', '--message=later')
  const variables = {
    CI_PIPELINE_SOURCE: 'merge_request_event',
    CI_API_V4_URL: api,
    CI_PROJECT_ID: '7',
    CI_MERGE_REQUEST_IID: '3',
    CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
    CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: head,
    TRUST_REVIEW_TOKEN: token,
  }
  const given = Object.entries(variables).flatMap(([name, value]) => ['--variable', `${name}=${value}`])
  const args = ['--force-shell-executor', ...given, 'trust-review']
  const result = await runGitlabCiLocalIn(join(folder, 'clone'), folder, args)
  return { ...result, args: `run -s review -- --base ${base} --head ${head}` }
}

it('passes shellcheck as POSIX shell', async () => {
  const file = join(folder, 'review.sh')
  await writeFile(file, script)
  await run('shellcheck', ['--shell=sh', file])
})

it('writes the review as a note, then updates it, and leaves nothing behind', async () => {
  notes.push({ id: 1, author: { id: 5 }, body: `${TITLE}\n\nby somebody who imitates it` })
  const first = await review()
  expect(first.code, first.printed).toBe(0)
  expect(notes[1]).toEqual({ id: 1000, author: { id: 42 }, body: `${TITLE}\n\n"${first.args}"\n` })
  const second = await review()
  expect(second.code, second.printed).toBe(0)
  expect(notes).toHaveLength(2)
  expect(notes[1]?.body).toContain(second.args)
  expect(notes[0]?.body).toContain('imitates')
  expect(asked.at(-1)).toBe('PUT /api/v4/projects/7/merge_requests/3/notes/1000')
  expect(first.printed + second.printed).not.toContain(TOKEN)
  const left = (await readdir(folder, { recursive: true })).filter((name) => name.includes('trust-review-'))
  expect(left).toEqual([])
})

it('finds its note behind a hundred others', async () => {
  notes = Array.from({ length: 100 }, (_, index) => ({ id: index, author: { id: 5 }, body: 'LGTM' }))
  notes.push({ id: 500, author: { id: 42 }, body: `${TITLE}\n\nold` })
  const { code, printed } = await review()
  expect(code, printed).toBe(0)
  expect(notes).toHaveLength(101)
  expect(notes.at(-1)?.body).not.toContain('old')
})

it.each([
  ['a token that GitLab refuses', 'glpat-ended', {}, 'GitLab refuses TRUST_REVIEW_TOKEN at user (status 401)'],
  ['no token', '', {}, 'TRUST_REVIEW_TOKEN is not set'],
  ['a GitLab that fails', TOKEN, { POST: 500 }, 'with status 500 instead of 2xx'],
])('says what to do with %s', async (_, token, fails, sentence) => {
  failing = fails
  const { code, printed } = await review(token)
  expect(code).not.toBe(0)
  expect(printed).toContain(sentence)
  expect(notes).toEqual([])
})

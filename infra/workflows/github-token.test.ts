/** The step that asks GitHub for the job's token, run by bash against a stub of GitHub's endpoint. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parse } from 'yaml'
import { answerJson } from '../../test/fake-upstream.ts'
import { githubWorkflow } from './github.ts'

const AUDIENCE = 'https://registry.example.com/x?y=1#z'
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'
const REQUEST_TOKEN = 'the-runner-s-own-secret'

const steps: { id?: string; run?: string }[] = parse(
  githubWorkflow({ host: 'registry.example.com', audience: AUDIENCE }),
).jobs.push.steps
const script = steps.find(({ id }) => id === 'token')?.run ?? ''

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'github-token-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const hang: RequestListener = () => {}
const given = answerJson(200, { value: TOKEN })

/** Runs the step as the runner does; the endpoint answers in turn, the last answer again and again. */
async function run(answers: RequestListener[], env: Record<string, string | undefined> = {}) {
  const asked: { url: string; authorization: string | undefined }[] = []
  const server = createServer((request, response) => {
    asked.push({ url: decodeURIComponent(request.url ?? ''), authorization: request.headers.authorization })
    const answer = answers[Math.min(asked.length, answers.length) - 1] ?? hang
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const output = join(folder, 'output')
  await writeFile(output, '')
  // A second is long enough for a server on this machine, and pauses need not be waited for.
  const patient = script.replace('--max-time 10', '--max-time 1')
  expect(patient).not.toBe(script)
  const { code, printed } = await new Promise<{ code: number; printed: string }>((resolve) => {
    const child = execFile(
      'bash',
      ['--noprofile', '--norc', '-e', '-c', `sleep() { :; }\n${patient}`],
      {
        env: {
          PATH: process.env.PATH,
          AUDIENCE,
          GITHUB_OUTPUT: output,
          ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?api-version=2.0`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
          ...env,
        },
      },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? 0, printed: stdout + stderr }),
    )
  })
  server.close()
  server.closeAllConnections()
  expect(printed).not.toContain(REQUEST_TOKEN)
  return { code, printed, asked, output: await readFile(output, 'utf8') }
}

it('passes shellcheck', async () => {
  const file = join(folder, 'step.sh')
  await writeFile(file, script)
  await promisify(execFile)('shellcheck', ['--shell=bash', file])
})

it('hands the token on, masked first', async () => {
  const { code, printed, asked, output } = await run([given])
  expect(code).toBe(0)
  expect(printed).toBe(`::add-mask::${TOKEN}\n`)
  expect(output).toBe(`token=${TOKEN}\n`)
  expect(asked).toEqual([
    { url: `/token?api-version=2.0&audience=${AUDIENCE}`, authorization: `bearer ${REQUEST_TOKEN}` },
  ])
})

it.each([
  ['403 twice', [answerJson(403, {}), answerJson(403, {}), given], 3],
  ['500', [answerJson(500, {}), given], 2],
  ['{}', [answerJson(200, {}), given], 2],
  ['a hang', [hang, given], 2],
])('asks again after %s', async (_, answers, times) => {
  const { code, asked, output } = await run(answers)
  expect(code).toBe(0)
  expect(asked).toHaveLength(times)
  expect(output).toBe(`token=${TOKEN}\n`)
})

it.each([
  ['403', answerJson(403, {})],
  ['500', answerJson(500, {})],
  ['{}', answerJson(200, {})],
  ['null', answerJson(200, { value: null })],
  ['an empty token', answerJson(200, { value: '' })],
  ['a token that would add an output', answerJson(200, { value: `${TOKEN}\nname=evil` })],
  ['text', ((_, response) => response.end('<html>')) satisfies RequestListener],
  ['a hang', hang],
])('fails after five answers of %s, without an output, and says what to check', async (_, answer) => {
  const { code, printed, asked, output } = await run([answer])
  expect(code).toBe(1)
  expect(asked).toHaveLength(5)
  expect(output).toBe('')
  expect(printed).toContain('::error::GitHub gave this job no token in five tries')
  expect(printed).toContain('id-token: write')
})

it('says which permission is missing where GitHub gave the job no endpoint', async () => {
  const { code, printed, asked } = await run([given], { ACTIONS_ID_TOKEN_REQUEST_URL: undefined })
  expect(code).toBe(1)
  expect(asked).toEqual([])
  expect(printed).toMatch(
    /^::error::This job may not ask GitHub for a token\. Give it `permissions: \{ id-token: write \}`/,
  )
})

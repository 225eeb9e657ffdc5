import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { projectDir } from '../../local/paths.ts'

let bin: string
beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'ci-run-'))
})
afterEach(() => rm(bin, { recursive: true }))

async function provide(command: string, script: string) {
  await writeFile(join(bin, command), `#!/bin/sh\n${script}\n`)
  await chmod(join(bin, command), 0o755)
}
function start() {
  return spawn(join(projectDir, '.ci/run'), {
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
async function run() {
  const child = start()
  let printed = ''
  child.stdout.on('data', (chunk) => {
    printed += chunk
  })
  const [code] = await once(child, 'close')
  return { code, lines: printed.trimEnd().split('\n') }
}

test('passes the sum and the exit code of the tests on, the sum last', async () => {
  await provide('npm', 'echo "CI=$CI $*"; echo "3 passed, 0 failed"; echo "npm notice"')
  expect(await run()).toEqual({
    code: 0,
    lines: ['CI=true test', '3 passed, 0 failed', 'npm notice', '3 passed, 0 failed'],
  })
  await provide('npm', 'echo "2 passed, 1 failed"; exit 1')
  expect(await run()).toMatchObject({ code: 1, lines: expect.arrayContaining(['2 passed, 1 failed']) })
})

test('tests that end without a sum have failed', async () => {
  await provide('npm', 'echo crashed')
  const { code, lines } = await run()
  expect([code, lines.at(-1)]).toEqual([1, '0 passed, 1 failed'])
})

test('says that the time was up', async () => {
  await provide('timeout', 'exit 124')
  const { code, lines } = await run()
  expect(code).toBe(124)
  expect(lines.slice(-2)).toEqual([
    expect.stringMatching(/^The tests took longer than \d+ minutes and were ended\.$/),
    '0 passed, 1 failed',
  ])
})

test('ends the tests when it is ended', async () => {
  await provide('npm', 'trap "echo ended well; exit 1" TERM; echo started; sleep 30 & wait')
  const child = start()
  let printed = ''
  child.stdout.on('data', (chunk) => {
    printed += chunk
    if (String(chunk).includes('started')) child.kill('SIGTERM')
  })
  await once(child, 'close')
  expect(printed).toContain('ended well')
  expect(printed.trimEnd().split('\n').at(-1)).toBe('0 passed, 1 failed')
})

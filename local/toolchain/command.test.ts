import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { CommandError, run } from './command.ts'

test('hands back standard output and passes the environment on', async () => {
  const argv = ['sh', '-c', 'echo "$GREETING, world"; echo noise >&2'] as const
  expect(await run(argv, { timeoutSeconds: 5, environment: { GREETING: 'hello' } })).toBe('hello, world')
})

test('a failure carries the exit code and the last lines of the error output', async () => {
  const failing = run(['sh', '-c', 'seq 1 30 >&2; exit 3'], { timeoutSeconds: 5 })
  await expect(failing).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringMatching(/exit code 3\n11\n(\d+\n)*30$/),
  })
})

test('a missing command is 127', async () => {
  const missing = run(['no-such-command'], { timeoutSeconds: 5 })
  await expect(missing).rejects.toBeInstanceOf(CommandError)
  await expect(missing).rejects.toMatchObject({ exitCode: 127, message: expect.stringContaining('no-such-command') })
})

test('a command past its limit is ended', async () => {
  await expect(run(['sleep', '30'], { timeoutSeconds: 0.1 })).rejects.toThrow(
    'was ended by SIGTERM (its limit is 0.1 s)',
  )
})

test('a process that exits takes its commands along', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'command-'))
  const log = join(directory, 'log')
  const command = `trap "echo ended >> ${log}; exit" TERM; echo started >> ${log}; while :; do sleep 0.05; done`
  const script = `
    const { run } = await import(${JSON.stringify(new URL('./command.ts', import.meta.url).href)})
    run(['sh', '-c', ${JSON.stringify(command)}], { timeoutSeconds: 10 })
    setTimeout(() => process.exit(), 500)`
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  await expect.poll(() => readFile(log, 'utf8')).toBe('started\nended\n')
  await rm(directory, { recursive: true })
})

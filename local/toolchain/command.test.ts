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

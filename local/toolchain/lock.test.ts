import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withLock } from './lock.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-'))
})
afterEach(() => rm(directory, { recursive: true }))

test('the second waits until the first is done, and says so once', async () => {
  const file = join(directory, 'nested', 'lock')
  const events: string[] = []
  const first = Promise.withResolvers<void>()
  const a = withLock(file, () => first.promise, { limitSeconds: 5 })
  const b = withLock(file, async () => events.push('b runs'), { limitSeconds: 5, onWait: () => events.push('b waits') })
  await expect.poll(() => events).toEqual(['b waits'])
  events.push('a ends')
  first.resolve()
  await Promise.all([a, b])
  expect(events).toEqual(['b waits', 'a ends', 'b runs'])
})

test('a failure lets the lock go', async () => {
  const file = join(directory, 'lock')
  const failing = withLock(file, () => Promise.reject(new Error('no')), { limitSeconds: 1 })
  await expect(failing).rejects.toThrow('no')
  await expect(withLock(file, async () => 'mine', { limitSeconds: 0 })).resolves.toBe('mine')
})

test('names the file when the other one takes too long', async () => {
  const file = join(directory, 'lock')
  await withLock(
    file,
    () => expect(withLock(file, async () => {}, { limitSeconds: 0 })).rejects.toThrow(`another run that holds ${file}`),
    { limitSeconds: 1 },
  )
})

test('a killed process does not keep the lock', async () => {
  const file = join(directory, 'lock')
  const script = `
    const { withLock } = await import(${JSON.stringify(new URL('./lock.ts', import.meta.url).href)})
    await withLock(${JSON.stringify(file)}, () => {
      console.log('held')
      return new Promise(() => setTimeout(() => {}, 60_000))
    }, { limitSeconds: 5 })`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  await expect(withLock(file, async () => {}, { limitSeconds: 0 })).rejects.toThrow()
  child.kill('SIGKILL')
  await once(child, 'exit')
  await expect(withLock(file, async () => 'mine', { limitSeconds: 1 })).resolves.toBe('mine')
})

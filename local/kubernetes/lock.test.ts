import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { withWorldLock } from './lock.ts'

it('names the holder to the second one, and lets it in afterwards', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'world-lock-'))
  await withWorldLock(stateDir, 'npm run up', async () => {
    const second = withWorldLock(stateDir, 'npm run down', async () => 'both at once')
    await expect(second).rejects.toThrow(`npm run up (process ${process.pid}) is changing the local world`)
  })
  expect(await withWorldLock(stateDir, 'npm run down', async () => 'alone')).toBe('alone')
})

it('is free again after a failure', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'world-lock-'))
  await expect(withWorldLock(stateDir, 'npm run up', () => Promise.reject(new Error('broken')))).rejects.toThrow(
    'broken',
  )
  expect(await withWorldLock(stateDir, 'npm run up', async () => 'again')).toBe('again')
})

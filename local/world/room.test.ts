import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { assertRoom } from './room.ts'

it('lets pass what fits, also in a folder that does not exist yet', async () => {
  await assertRoom(join(tmpdir(), 'not', 'there', 'yet'), 1, 'A test')
})

it('says what is needed, what is free and where', async () => {
  const tooMuch = Number.MAX_SAFE_INTEGER
  await expect(assertRoom(tmpdir(), tooMuch, 'A test')).rejects.toThrow(
    new RegExp(`^A test needs ${tooMuch} MiB in ${tmpdir()}, but its disk has \\d+ MiB left\\.`),
  )
})

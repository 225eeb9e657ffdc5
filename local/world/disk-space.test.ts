import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { assertDiskSpace } from './disk-space.ts'

it('accepts what fits, also in a folder that does not exist yet', async () => {
  await assertDiskSpace(join(tmpdir(), 'not', 'there', 'yet'), 1, 'A test')
})

it('says what is needed, what is free and where', async () => {
  const tooMuch = Number.MAX_SAFE_INTEGER
  await expect(assertDiskSpace(tmpdir(), tooMuch, 'A test')).rejects.toThrow(
    new RegExp(`^A test needs ${tooMuch} MiB in ${tmpdir()}, but its disk has \\d+ MiB left\\.`),
  )
})

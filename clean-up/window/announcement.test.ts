import { beforeEach, describe, expect, it } from 'vitest'
import { ANNOUNCEMENT, type Announcement, announce, type ConfigMapStore, withdraw } from './announcement.ts'

const at = (time: string) => `2026-01-31T${time}:00.000Z`
const mine: Announcement = { by: 'clean-up-1', since: at('03:00'), until: at('04:00') }
const other: Announcement = { ...mine, by: 'clean-up-2' }
const now = Date.parse(at('03:00'))

let data: Record<string, string>
let version: number
let store: ConfigMapStore
beforeEach(() => {
  data = {}
  version = 1
  const live = () => ({ metadata: { resourceVersion: String(version) }, data: { ...data } })
  store = {
    read: async () => live(),
    patch: async (change) => {
      const { metadata, data: changes } = change as ReturnType<typeof live>
      if (metadata.resourceVersion !== String(version)) throw new Error('409')
      version += 1
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) delete data[key]
        else data[key] = value
      }
      return live()
    },
  }
})

describe('an announcement', () => {
  it('is made once, found again after a restart, and taken away', async () => {
    expect(await announce(store, mine, now)).toEqual(mine)
    expect(JSON.parse(data[ANNOUNCEMENT] ?? '')).toEqual(mine)
    const again = { ...mine, since: at('03:20'), until: at('04:20') }
    expect(await announce(store, again, Date.parse(at('03:20')))).toEqual(mine)
    await withdraw(store, mine.by)
    expect(data).toEqual({})
  })

  it('is refused while another clean-up is under way, and stays when that one is not taken away', async () => {
    await announce(store, other, now)
    await expect(announce(store, mine, now)).rejects.toThrow('another clean-up (clean-up-2) is under way, until 2026')
    await withdraw(store, mine.by)
    expect(JSON.parse(data[ANNOUNCEMENT] ?? '')).toEqual(other)
  })

  it.each([
    ['one whose time is over', JSON.stringify({ ...other, until: at('02:00') })],
    ['one that cannot be read', '{"by":'],
  ])('takes the place of %s', async (_, text) => {
    data[ANNOUNCEMENT] = text
    expect(await announce(store, mine, now)).toEqual(mine)
  })

  it('of two at the same moment is made by one', async () => {
    const both = await Promise.allSettled([announce(store, mine, now), announce(store, other, now)])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })
})

import { describe, expect, it } from 'vitest'
import { type KeyHistory, parseRecord, planKeys, recordText, type SigningRecord } from './key-plan.ts'

const SINCE = '2026-11-26T20:00:00Z'
const MINUTE_MS = 60_000
const at = (minutes: number) => Date.parse(SINCE) + minutes * MINUTE_MS
const record = (key: string, ...before: string[]): SigningRecord => ({ key, since: SINCE, before })
const history = (more: Partial<KeyHistory>): KeyHistory => ({
  signing: undefined,
  record: undefined,
  revoked: false,
  ...more,
})
const plan = (known: Partial<KeyHistory>, generation: number, minutes = 0, revoke = false) =>
  planKeys(history(known), { generation, revoke, tokenMs: 10 * MINUTE_MS, nowMs: at(minutes) })

describe('a record', () => {
  it.each([record('1'), record('2', '1'), record('3.1', '2', '1.1')])('%j is read as it was written', (written) => {
    expect(parseRecord(recordText(written))).toEqual(written)
  })

  it.each([
    undefined,
    '',
    'What our builds push to',
    'Signs with key 1 since yesterday.',
    'Signs with key 1 since 2026-99-26T20:00:00Z.',
    'Signs with key ../1 since 2026-11-26T20:00:00Z.',
    `${recordText(record('2', '1'))} Do not touch.`,
  ])('%j is none', (text) => {
    expect(parseRecord(text)).toBeUndefined()
  })
})

describe('the keys of a run', () => {
  it('a new stack has one, which would be missed', () => {
    expect(plan({}, 1)).toEqual({
      current: '1',
      older: [],
      trusted: [],
      dropped: [],
      untilMs: undefined,
      since: undefined,
      inUse: true,
    })
  })

  it('keep the key that signs in the stack, and trusted, when another is to follow it', () => {
    const changing = plan({ signing: '1', record: record('1') }, 2, 60)
    expect(changing).toMatchObject({ current: '2', older: ['1'], trusted: ['1'], since: undefined, inUse: false })
  })

  it.each([
    [0, ['1'], []],
    [11.9, ['1'], []],
    [12, [], ['1']],
  ])('%d minutes after the change are %j before the current one; %j is dropped', (minutes, older, dropped) => {
    const after = plan({ signing: '2', record: record('2', '1') }, 2, minutes)
    expect(after).toMatchObject({ current: '2', older, trusted: older, dropped, since: SINCE, inUse: true })
  })

  it('say nothing of dropping once the record is without the older key', () => {
    expect(plan({ signing: '2', record: record('2') }, 2, 60)).toMatchObject({ older: [], dropped: [] })
  })

  it('trust both when the run before ended between provider and application', () => {
    expect(plan({ signing: '2', record: record('1') }, 2, 60)).toMatchObject({
      current: '2',
      trusted: ['1'],
      since: undefined,
      inUse: true,
    })
  })

  it('trust the key that signs, and the one before, when a change is taken back half-way', () => {
    expect(plan({ signing: '3', record: record('2', '1') }, 2, 5)).toMatchObject({ current: '2', trusted: ['3', '1'] })
    expect(plan({ signing: '1', record: record('1') }, 1, 60)).toMatchObject({ current: '1', older: [], since: SINCE })
  })

  it('trust all whose tokens still live, when one change follows the other', () => {
    expect(plan({ signing: '2', record: record('2', '1') }, 3, 5)).toMatchObject({ trusted: ['2', '1'] })
    expect(plan({ signing: '2', record: record('2', '1') }, 3, 60)).toMatchObject({ trusted: ['2'] })
  })
})

describe('after revokeKeys', () => {
  it('nothing older is trusted; it leaves the stack with the next run, where it is not protected any more', () => {
    expect(plan({ signing: '1', record: record('1') }, 1, 60, true)).toMatchObject({
      current: '1.1',
      older: ['1'],
      trusted: [],
    })
    const done = { signing: '1.1', record: record('1.1'), revoked: true }
    expect(plan(done, 1, 0, true)).toMatchObject({ current: '1.1', older: [], since: SINCE })
  })

  it('its key stays the key of the generation when the setting is gone', () => {
    const done = { signing: '1.1', record: record('1.1'), revoked: true }
    expect(plan(done, 1)).toMatchObject({ current: '1.1', since: SINCE })
    expect(plan({ ...done, revoked: false }, 2, 60)).toMatchObject({ current: '2', trusted: ['1.1'] })
  })

  it('nothing older is trusted either when its run ended half-way and the setting is gone', () => {
    expect(plan({ signing: '1', record: record('1'), revoked: true }, 1)).toMatchObject({
      current: '1.1',
      older: ['1'],
      trusted: [],
    })
    expect(plan({ signing: '1.1', record: record('1', '2'), revoked: true }, 1)).toMatchObject({
      older: ['1', '2'],
      trusted: [],
    })
  })

  it('it works again with the next generation', () => {
    expect(plan({ signing: '1.1', record: record('1.1') }, 2, 60, true)).toMatchObject({ current: '2.1', trusted: [] })
  })
})

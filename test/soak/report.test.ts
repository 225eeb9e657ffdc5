import { expect, it } from 'vitest'
import { report, wrongTags } from './report.ts'
import type { Transfer } from './traffic.ts'

const push = (tag: string, more: Partial<Transfer> = {}): Transfer => ({
  what: 'push',
  client: 'docker',
  tag,
  startMs: 0,
  endMs: 1000,
  ...more,
})
const pull = (tag: string, more: Partial<Transfer> = {}): Transfer => ({ ...push(tag, more), what: 'pull' })

it('counts what failed while something was done, by client', () => {
  const transfers = [
    push('1', { digest: 'a' }),
    pull('1', { digest: 'a' }),
    push('2', { startMs: 5000, endMs: 9000, error: 'EOF' }),
    push('3', { startMs: 6000, endMs: 20_000, digest: 'c' }),
    push('4', { client: 'crane', startMs: 6000, endMs: 7000, digest: 'd' }),
  ]
  const ends = new Map(Object.entries({ 1: 'a', 3: 'c', 4: 'd' }))
  const rollover = { name: 'registry rolls over', startMs: 4000, endMs: 8000 }
  const verdict = report({ transfers, gaps: [{ startMs: 5000, endMs: 6500 }] }, [rollover], ends)
  expect(verdict).toEqual({
    lines: [
      'registry rolls over: 4.0 s, no answer for 1.5 s, pushes failed: crane 0 of 1, docker 1 of 2',
      'slowest push 14.0 s; 1 pulls, 0 failed',
      '4 pushes, 1 failed, 0 wrong',
    ],
    ok: false,
  })
})

it('is well only if nothing failed and nothing is wrong', () => {
  const good = [push('1', { digest: 'a' }), pull('1', { digest: 'a' })]
  expect(report({ transfers: good, gaps: [] }, [], new Map([['1', 'a']])).ok).toBe(true)
  expect(report({ transfers: good, gaps: [] }, [], new Map()).ok).toBe(false)
  const badPull = [push('1', { digest: 'a' }), pull('1', { error: 'unexpected EOF' })]
  expect(report({ transfers: badPull, gaps: [] }, [], new Map([['1', 'a']])).ok).toBe(false)
})

it('finds images that were lost, or are others', () => {
  const transfers = [
    push('kept', { digest: 'a' }),
    pull('kept', { digest: 'a' }),
    push('lost', { digest: 'b' }),
    push('another', { digest: 'c' }),
    push('pulled-otherwise', { digest: 'd' }),
    pull('pulled-otherwise', { digest: 'x' }),
    push('refused', { error: 'denied' }),
  ]
  const ends = new Map(Object.entries({ kept: 'a', another: 'y', 'pulled-otherwise': 'd' }))
  expect(wrongTags(transfers, ends)).toEqual(['lost', 'another', 'pulled-otherwise'])
})

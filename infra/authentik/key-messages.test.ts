import { describe, expect, it } from 'vitest'
import { keyMessages } from './key-messages.ts'
import type { KeyPlan } from './key-plan.ts'

const quiet: KeyPlan = {
  current: '2',
  older: [],
  trusted: [],
  dropped: [],
  untilMs: undefined,
  since: '2026-11-26T20:00:00Z',
  inUse: true,
}
const changing: KeyPlan = { ...quiet, older: ['1'], trusted: ['1'], since: undefined }
const text = (plans: Partial<Parameters<typeof keyMessages>[0]>, revoke = false) =>
  keyMessages({ registry: quiet, sessions: quiet, ...plans }, revoke).map((each) => `${each.level}: ${each.text}`)

describe('what is said about keys', () => {
  it('is nothing where nothing changes', () => {
    expect(text({})).toEqual([])
  })

  it('warns only where something ends', () => {
    expect(text({ registry: changing })).toEqual([expect.stringMatching(/^info: .* from key 1 to key 2 /)])
    expect(text({ sessions: changing })).toEqual([expect.stringMatching(/^warn: .* all sessions end/)])
    expect(text({ registry: changing, sessions: changing })).toHaveLength(2)
  })

  it('names the time until which an older key is trusted, and the run that drops it', () => {
    const after = { ...quiet, older: ['1'], trusted: ['1'], untilMs: Date.parse('2026-11-26T20:12:00Z') }
    expect(text({ registry: after })).toEqual([
      expect.stringContaining('key 1 stays trusted until 2026-11-26T20:12:00Z'),
    ])
    expect(text({ registry: { ...quiet, dropped: ['1'] } })).toEqual([expect.stringContaining('drops key 1')])
  })

  it('is nothing about sessions where there are none', () => {
    expect(text({ sessions: undefined, registry: quiet }, true)).toEqual([expect.stringContaining('revokeKeys: done')])
    const unused = { ...quiet, since: undefined }
    expect(text({ sessions: unused }, true)).toEqual([expect.stringContaining('ends every session')])
  })
})

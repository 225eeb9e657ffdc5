import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { isPodReady } from './api.ts'

const since = new Date('2026-01-01T12:00:00Z')
const pod = (startedAt: string, ready = 'True'): V1Pod => ({
  status: {
    conditions: [{ type: 'Ready', status: ready }],
    containerStatuses: [
      {
        name: 'coredns',
        image: 'coredns',
        imageID: '',
        ready: true,
        restartCount: 1,
        state: { running: { startedAt: new Date(startedAt) } },
      },
    ],
  },
})

describe('isPodReady', () => {
  it('takes a pod whose container was started since', () => {
    expect(isPodReady(pod('2026-01-01T12:00:00Z'), since)).toBe(true)
  })

  it('does not take what a kept cluster remembers of its last run', () => {
    expect(isPodReady(pod('2026-01-01T11:59:59Z'), since)).toBe(false)
  })

  it('does not take a pod that is not ready or is being deleted', () => {
    expect(isPodReady(pod('2026-01-01T12:00:00Z', 'False'), since)).toBe(false)
    const deleted = { ...pod('2026-01-01T12:00:00Z'), metadata: { deletionTimestamp: since } }
    expect(isPodReady(deleted, since)).toBe(false)
  })
})

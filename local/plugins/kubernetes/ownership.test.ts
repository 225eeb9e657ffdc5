import { describe, expect, test } from 'vitest'
import type { KubernetesObject } from './object.ts'
import { withIgnoredAsLive } from './ownership.ts'

const deployment = (replicas: number, ...owners: string[]): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'x',
    managedFields: [
      { manager: 'us', fieldsV1: { 'f:spec': { 'f:template': {} } } },
      ...owners.map((manager) => ({ manager, fieldsV1: { 'f:spec': { 'f:replicas': {} } } })),
    ],
  },
  spec: { replicas, template: {} },
})

describe('ignoreChanges', () => {
  const sent = (live: KubernetesObject) => withIgnoredAsLive(deployment(2), live, 'us', ['spec.replicas']).spec

  test('a field that only others own is not sent', () => {
    expect(sent(deployment(5, 'autoscaler'))).toEqual({ template: {} })
  })

  test('a field that the program owns too is sent as it is now', () => {
    expect(sent(deployment(5, 'us'))).toEqual({ template: {}, replicas: 5 })
    expect(sent(deployment(5, 'us', 'autoscaler'))).toEqual({ template: {}, replicas: 5 })
  })

  test('a field that the object does not have is sent as the program wants it', () => {
    const { replicas: _, ...spec } = deployment(5).spec ?? {}
    expect(sent({ ...deployment(5), spec })).toEqual({ replicas: 2, template: {} })
  })
})

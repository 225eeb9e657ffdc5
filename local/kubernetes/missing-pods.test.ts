import type { CoreV1Event, V1Deployment, V1Pod } from '@kubernetes/client-node'
import { expect, it } from 'vitest'
import { missingOf } from './missing-pods.ts'

const deployment = (status: object): V1Deployment => ({
  metadata: { name: 'web', namespace: 'shop', generation: 2 },
  spec: { replicas: 2, selector: {}, template: {} },
  status: { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2, ...status },
})
const pod = (name: string, status: object): V1Pod => ({
  metadata: { name, namespace: 'shop' },
  status: { containerStatuses: [{ name: 'main', image: '', imageID: '', restartCount: 0, ready: false, ...status }] },
})
const event = (name: string, message: string): CoreV1Event => ({
  metadata: {},
  involvedObject: { kind: 'Pod', name, namespace: 'shop' },
  reason: 'FailedScheduling',
  message,
})

it('has nothing to say of a Deployment with all its pods', () => {
  expect(missingOf(deployment({}), [pod('web-1', { state: { waiting: { reason: 'x' } } })], [])).toEqual([])
})

it.each([
  [{ updatedReplicas: 1, availableReplicas: 1 }, '1 of 2 replicas available, 1 up to date, 2 in all'],
  [{ replicas: 3 }, '2 of 2 replicas available, 2 up to date, 3 in all'],
  [{ observedGeneration: 1 }, 'its controller has not seen this version yet'],
])('%j: %s', (status, state) => {
  expect(missingOf(deployment(status), [], [])).toEqual([{ deployment: 'shop/web', state, reasons: [] }])
})

it('says why, from conditions, containers and events, and leaves out what is of others', () => {
  const conditions = [
    { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable' },
    { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' },
    { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' },
  ]
  const pods = [
    pod('web-1', { state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }),
    pod('web-2', { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 3 } } }),
    pod('web-3', { ready: true, lastState: { terminated: { exitCode: 1 } } }),
    pod('other-1', { state: { waiting: { reason: 'ImagePullBackOff' } } }),
  ]
  const warnings = ['first', 'second', 'third', 'fourth'].map((message) => event('web-4', message))
  const [found] = missingOf(deployment({ availableReplicas: 0, conditions }), pods, [...warnings, event('webb', 'x')])
  expect(found?.reasons).toEqual([
    'FailedCreate: exceeded quota',
    'Pod "web-1": container "main": ImagePullBackOff: no such image',
    'Pod "web-2": container "main": CrashLoopBackOff: ended with exit code 3',
    ...['second', 'third', 'fourth'].map((message) => `Pod "web-4": event FailedScheduling: ${message}`),
  ])
})

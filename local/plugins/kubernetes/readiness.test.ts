import { describe, expect, test } from 'vitest'
import type { KubernetesObject } from './object.ts'
import { judge, type Surroundings } from './readiness.ts'
import { podLabels, podReasons, replicaFailure } from './reasons.ts'
import { servicesOf, timeoutOf } from './wait.ts'

const ALONE: Surroundings = { endpoints: 0, bindsLate: false, servicesWithoutEndpoints: [] }

const object = (apiVersion: string, kind: string, spec: object, status: object, metadata: object = {}) =>
  ({
    apiVersion,
    kind,
    metadata: { name: 'x', namespace: 'n', ...metadata },
    spec,
    status,
  }) as unknown as KubernetesObject

const condition = (type: string, status: string, reason = '', message = '') => ({ type, status, reason, message })

describe('judge', () => {
  const rolled = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }
  const deadline = condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'timed out progressing')
  const ingressSpec = { ingressClassName: 'skipper' }
  const address = { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } }

  test.each<[string, KubernetesObject, Partial<Surroundings>, RegExp | 'ready']>([
    [
      'Deployment, rolled out',
      object('apps/v1', 'Deployment', { replicas: 2 }, rolled, { generation: 2 }),
      {},
      'ready',
    ],
    [
      'Deployment, not seen',
      object('apps/v1', 'Deployment', { replicas: 2 }, rolled, { generation: 3 }),
      {},
      /not seen/,
    ],
    [
      'Deployment, old Pods left',
      object('apps/v1', 'Deployment', { replicas: 2 }, { ...rolled, replicas: 3 }, { generation: 2 }),
      {},
      /3 in all/,
    ],
    [
      'Deployment, without replicas',
      object('apps/v1', 'Deployment', { replicas: 0 }, { observedGeneration: 1 }, { generation: 1 }),
      {},
      'ready',
    ],
    [
      'Deployment, given up',
      object('apps/v1', 'Deployment', {}, { observedGeneration: 1, conditions: [deadline] }, { generation: 1 }),
      {},
      /failed: ProgressDeadlineExceeded: timed out/,
    ],
    ['Service with Pods', object('v1', 'Service', { selector: { a: 'b' } }, {}), { endpoints: 1 }, 'ready'],
    ['Service without Pods', object('v1', 'Service', { selector: { a: 'b' } }, {}), {}, /no ready Pod/],
    ['Service, headless', object('v1', 'Service', { selector: { a: 'b' }, clusterIP: 'None' }, {}), {}, 'ready'],
    ['Service without selector', object('v1', 'Service', {}, {}), {}, 'ready'],
    ['Job, done', object('batch/v1', 'Job', {}, { conditions: [condition('Complete', 'True')] }), {}, 'ready'],
    [
      'Job, failed',
      object('batch/v1', 'Job', {}, { conditions: [condition('Failed', 'True', 'BackoffLimitExceeded', 'too often')] }),
      {},
      /failed: BackoffLimitExceeded: too often/,
    ],
    ['claim, bound', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Bound' }), {}, 'ready'],
    ['claim, pending', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Pending' }), {}, /Pending/],
    [
      'claim, pending until used',
      object('v1', 'PersistentVolumeClaim', {}, { phase: 'Pending' }),
      { bindsLate: true },
      'ready',
    ],
    ['Ingress, taken', object('networking.k8s.io/v1', 'Ingress', ingressSpec, address), {}, 'ready'],
    [
      'Ingress, not taken',
      object('networking.k8s.io/v1', 'Ingress', ingressSpec, {}),
      {},
      /class "skipper".*skipAwait/,
    ],
    [
      'Ingress, nothing behind it',
      object('networking.k8s.io/v1', 'Ingress', ingressSpec, address),
      { servicesWithoutEndpoints: ['web'] },
      /Service "web"/,
    ],
    ['Namespace', object('v1', 'Namespace', {}, { phase: 'Active' }), {}, 'ready'],
    ['a kind that is not waited for', object('v1', 'ConfigMap', {}, {}), {}, 'ready'],
    ['a custom kind of a known name', object('example.com/v1', 'Service', { selector: { a: 'b' } }, {}), {}, 'ready'],
  ])('%s', (_, subject, surroundings, expected) => {
    const { ready, failed, reason } = judge(subject, { ...ALONE, ...surroundings })
    if (expected === 'ready') expect({ ready, reason }).toEqual({ ready: true, reason: undefined })
    else expect(`${failed ? 'failed: ' : ''}${reason}`).toMatch(expected)
    expect(ready).toBe(expected === 'ready')
  })
})

describe('reasons', () => {
  test('a Pod that finds no node, one without image, one that crashes', () => {
    const unscheduled = condition('PodScheduled', 'False', 'Unschedulable', '0/1 nodes are available')
    expect(podReasons(object('v1', 'Pod', {}, { conditions: [unscheduled] }))).toEqual([
      'Pod "x": Unschedulable: 0/1 nodes are available',
    ])
    const waiting = {
      name: 'web',
      ready: false,
      state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
    }
    const crashing = {
      name: 'side',
      ready: false,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 3 } },
    }
    expect(
      podReasons(object('v1', 'Pod', {}, { containerStatuses: [waiting, crashing, { name: 'ok', ready: true }] })),
    ).toEqual([
      'Pod "x": container "web": ImagePullBackOff: no such image',
      'Pod "x": container "side": CrashLoopBackOff: ended with exit code 3',
    ])
  })

  test('why a Deployment cannot make Pods', () => {
    const failure = condition('ReplicaFailure', 'True', 'FailedCreate', 'service account "x" not found')
    const conditions = [condition('Available', 'True'), failure]
    expect(replicaFailure(object('apps/v1', 'Deployment', {}, { conditions }))).toEqual([
      'Deployment "x": FailedCreate: service account "x" not found',
    ])
    expect(replicaFailure(object('apps/v1', 'Deployment', {}, { conditions: conditions.slice(0, 1) }))).toEqual([])
  })

  test('the Pods of an object', () => {
    expect(podLabels(object('apps/v1', 'Deployment', { selector: { matchLabels: { a: 'b' } } }, {}))).toEqual({
      a: 'b',
    })
    expect(podLabels(object('v1', 'Service', { selector: { a: 'b' } }, {}))).toEqual({ a: 'b' })
    expect(podLabels(object('v1', 'PersistentVolumeClaim', {}, {}))).toBeUndefined()
  })

  test('the Services of an Ingress, each once', () => {
    const backend = (name: string) => ({ backend: { service: { name, port: { number: 80 } } } })
    const rules = [{ http: { paths: [backend('token'), backend('registry'), backend('token')] } }]
    expect(servicesOf(object('networking.k8s.io/v1', 'Ingress', { rules }, {}))).toEqual(['token', 'registry'])
  })

  test('how long: customTimeouts, else the annotation, else as the official provider', () => {
    const annotated = object('v1', 'Pod', {}, {}, { annotations: { 'pulumi.com/timeoutSeconds': '7' } })
    expect([timeoutOf(annotated, 3), timeoutOf(annotated, 0)]).toEqual([3, 7])
    expect(timeoutOf(object('v1', 'Pod', {}, {}), 0)).toBe(600)
    expect(timeoutOf(object('v1', 'PersistentVolumeClaim', {}, {}), 0)).toBe(300)
  })
})

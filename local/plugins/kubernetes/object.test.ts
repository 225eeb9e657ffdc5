import { describe, expect, test } from 'vitest'
import { changedLeaves } from '../engine/diff.ts'
import { UNKNOWN } from '../engine/values.ts'
import { currentInputs } from './drift.ts'
import {
  idOf,
  isComplete,
  type KubernetesObject,
  kindOfToken,
  objectOf,
  parseId,
  wantedPart,
  withName,
} from './object.ts'
import { isSameQuantity } from './quantity.ts'
import { unreadyChanges, withReplacements } from './replacement.ts'

const SEED = new Uint8Array(32).fill(0xcd)
const object = (kind: string, rest: object = {}): KubernetesObject =>
  ({ apiVersion: 'v1', kind, metadata: { name: 'x', namespace: 'n' }, ...rest }) as KubernetesObject

describe('names', () => {
  test.each([
    ['kubernetes:core/v1:Namespace', 'v1', 'Namespace'],
    ['kubernetes:apps/v1:Deployment', 'apps/v1', 'Deployment'],
    ['kubernetes:networking.k8s.io/v1:Ingress', 'networking.k8s.io/v1', 'Ingress'],
  ])('%s', (token, apiVersion, kind) => {
    expect(kindOfToken(token)).toEqual({ apiVersion, kind })
  })

  test.each(['kubernetes:helm.sh/v3:', 'kubernetes:core/v1:ConfigMapList', 'kubernetes:apps/v1:DeploymentPatch'])(
    'refuses what is not a single object: %s',
    (token) => {
      expect(() => kindOfToken(token)).toThrow('makes single objects')
    },
  )

  test('ids', () => {
    expect(idOf(object('ConfigMap'))).toBe('n/x')
    expect(idOf(object('Namespace', { metadata: { name: 'x' } }))).toBe('x')
    expect([parseId('n/x'), parseId('x')]).toEqual([{ namespace: 'n', name: 'x' }, { name: 'x' }])
  })

  test('a nameless object gets a name once', () => {
    const nameless = object('ConfigMap', { metadata: {} })
    const named = withName(nameless, undefined, 'Config', SEED)
    expect(named.metadata).toEqual({ name: 'config-cdcdcdcd', annotations: { 'pulumi.com/autonamed': 'true' } })
    expect(withName(nameless, named, 'Config', new Uint8Array(32)).metadata.name).toBe('config-cdcdcdcd')
    const given = object('ConfigMap')
    expect(withName(given, named, 'Config', SEED)).toBe(given)
    expect(withName(nameless, given, 'Config', SEED).metadata.name).toBe('config-cdcdcdcd')
  })

  test('an object with an unknown name or value is not sent', () => {
    expect(isComplete(object('ConfigMap'))).toBe(true)
    expect(isComplete(object('ConfigMap', { data: { a: [UNKNOWN] } }))).toBe(false)
  })
})

describe('replacement', () => {
  const replaced = (kind: string, before: object, after: object, configMapMutable = false) => {
    const [old, now] = [object(kind, before), object(kind, after)]
    const changes = withReplacements(changedLeaves(old, now), now, { configMapMutable })
    return changes.map(({ path, replace }) => [path, replace])
  }
  const claim = (storage: string) => ({ spec: { resources: { requests: { storage } } } })

  test.each([
    [
      'Deployment',
      { spec: { selector: { matchLabels: { a: '1' } } } },
      { spec: { selector: { matchLabels: { a: '2' } } } },
      true,
    ],
    ['Deployment', { spec: { replicas: 1 } }, { spec: { replicas: 2 } }, false],
    ['Job', { spec: { template: { a: 1 } } }, { spec: { template: { a: 2 } } }, true],
    ['Service', { spec: { clusterIP: 'None' } }, { spec: { clusterIP: '10.0.0.1' } }, true],
    ['Service', { spec: { clusterIPsOther: 1 } }, { spec: { clusterIPsOther: 2 } }, false],
    ['ConfigMap', { data: { a: '1' } }, { data: { a: '2' } }, true],
    ['Secret', { type: 'Opaque' }, { type: 'kubernetes.io/tls' }, true],
    ['PersistentVolumeClaim', claim('1Gi'), claim('2048Mi'), false],
    // As the official provider: the API refuses it.
    ['PersistentVolumeClaim', claim('2Gi'), claim('1Gi'), false],
    ['PersistentVolumeClaim', { spec: { storageClassName: 'a' } }, { spec: { storageClassName: 'b' } }, true],
    ['PersistentVolumeClaim', { spec: { accessModes: ['a'] } }, { spec: { accessModes: ['b'] } }, true],
    ['Anything', { metadata: { name: 'x' } }, { metadata: { name: 'x', namespace: 'm' } }, true],
    ['Anything', { metadata: { labels: { a: '1' } } }, { metadata: { labels: { a: '2' } } }, false],
  ])('%s %j to %j: %s', (kind, before, after, expected) => {
    expect(replaced(kind, before, after).map(([, replace]) => replace)).toEqual([expected])
  })

  test('data of a ConfigMap that may change, unless it is immutable', () => {
    const [before, after] = [{ data: { a: '1' } }, { data: { a: '2' } }]
    expect(replaced('ConfigMap', before, after, true)).toEqual([['data.a', false]])
    const immutable = replaced('ConfigMap', { ...before, immutable: true }, { ...after, immutable: true }, true)
    expect(immutable).toEqual([['data.a', true]])
  })

  test('a Job that did not get done, where it asks for that', async () => {
    const annotations = { 'pulumi.com/replaceUnready': 'true' }
    const asks = object('Job', { metadata: { name: 'a', annotations } })
    const live = (type: string) => async () => ({
      read: async () => ({ ...asks, apiVersion: 'batch/v1', status: { conditions: [{ type, status: 'True' }] } }),
    })
    expect(await unreadyChanges(asks, live('Complete'))).toEqual([])
    expect(await unreadyChanges(asks, live('Failed'))).toMatchObject([{ replace: true }])
    expect(await unreadyChanges(asks, async () => ({ read: async () => undefined }))).toEqual([])
    expect(await unreadyChanges(object('Job', { metadata: { name: 'a' } }), live('Failed'))).toEqual([])
  })

  test('paths as Pulumi writes them', () => {
    const before = { metadata: { annotations: { 'a.b/c': '1' } }, spec: { list: [{ a: 1 }] } }
    const after = { metadata: { annotations: { 'a.b/c': '2' } }, spec: { list: [{ a: 2 }, {}] } }
    expect(replaced('Anything', before, after).map(([path]) => path)).toEqual([
      'metadata.annotations["a.b/c"]',
      'spec.list[0].a',
      'spec.list[1]',
    ])
  })
})

describe('refresh', () => {
  const wanted = object('Deployment', {
    spec: { replicas: 1, paused: false, containers: [{ name: 'a', resources: { cpu: '0.5' } }], gone: 'x' },
  })

  test('only what the program set, as it is now', () => {
    const live = object('Deployment', {
      metadata: { name: 'x', namespace: 'n', uid: 'u', labels: { other: '1' } },
      spec: { replicas: 3, strategy: {}, containers: [{ name: 'a', image: 'i', resources: { cpu: '500m' } }] },
      status: {},
    })
    expect(currentInputs(wanted, live)).toEqual({
      ...wanted,
      spec: { replicas: 3, paused: false, containers: [{ name: 'a', resources: { cpu: '0.5' } }] },
    })
  })

  test('stringData is compared with the data that the API made of it', () => {
    const secret = object('Secret', { stringData: { same: 'a', other: 'b', gone: 'c' } })
    const live = object('Secret', { data: { same: btoa('a'), other: btoa('B') } })
    expect(currentInputs(secret, live).stringData).toEqual({ same: 'a', other: 'B' })
  })

  test('an import leaves out what the server wrote', () => {
    const live = object('ConfigMap', {
      metadata: { name: 'x', uid: 'u', resourceVersion: '1' },
      status: {},
      data: { a: '1' },
    })
    expect(wantedPart(live)).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: '1' } })
  })

  test.each([
    ['0.5', '500m', true],
    ['1024Mi', '1Gi', true],
    [1, '1', true],
    ['1', '1k', false],
    ['abc', 'abc', false],
  ])('quantities %s and %s: %s', (a, b, same) => {
    expect(isSameQuantity(a, b)).toBe(same)
  })
})

test('an object takes kind and version from its token', () => {
  expect(objectOf('kubernetes:core/v1:ConfigMap', { data: {} })).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {},
    data: {},
  })
})

/** Waits until an object is ready, or gone, and says why it is not. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject } from '../engine/values.ts'
import type { Cluster } from './cluster.ts'
import { ANNOTATIONS, annotation, idOf, type KubernetesObject } from './object.ts'
import { isAwaited, judge, type Surroundings } from './readiness.ts'
import { reasonsAgainst } from './reasons.ts'

/** As the official provider waits where neither customTimeouts nor an annotation says otherwise. */
const DEFAULT_TIMEOUT_SECONDS = 600
const CLAIM_TIMEOUT_SECONDS = 300
/** The pause between two polls; it doubles up to the longest. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 1000

const ENDPOINT_SLICE = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }
const STORAGE_CLASS = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }

/** The object is there but not ready, for these reasons. */
export class NotReadyError extends Error {
  readonly object: KubernetesObject
  readonly reasons: readonly string[]

  constructor(object: KubernetesObject, reasons: readonly string[]) {
    super(reasons.join('\n'))
    this.object = object
    this.reasons = reasons
  }
}

/** How long to wait for an object, in seconds; `custom` is 0 where the program says nothing. */
export function timeoutOf(object: KubernetesObject, custom: number): number {
  const annotated = Number(annotation(object, ANNOTATIONS.timeoutSeconds) ?? 0)
  const fallback = object.kind === 'PersistentVolumeClaim' ? CLAIM_TIMEOUT_SECONDS : DEFAULT_TIMEOUT_SECONDS
  return custom || annotated || fallback
}

/** Polls until `look` returns something, the time is up (then `undefined`), or the work is cancelled. */
async function poll<T>(
  seconds: number,
  cancel: AbortSignal,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const end = Date.now() + seconds * 1000
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const found = await look()
    if (found !== undefined || Date.now() >= end) return found
    await sleep(pause, undefined, { signal: cancel })
  }
}

/** Answers the object once it is ready. Throws `NotReadyError`. */
export async function waitUntilReady(
  cluster: Cluster,
  object: KubernetesObject,
  customSeconds: number,
  cancel: AbortSignal,
): Promise<KubernetesObject> {
  if (!isAwaited(object) || annotation(object, ANNOTATIONS.skipAwait) === 'true') return object
  const seconds = timeoutOf(object, customSeconds)
  let latest = object
  let reason = ''
  try {
    const ready = await poll(seconds, cancel, async () => {
      const { namespace, name = '' } = object.metadata
      const live = await cluster.read(object, namespace, name)
      if (!live) throw new NotReadyError(latest, [`${object.kind} "${idOf(object)}" was deleted during the wait`])
      latest = live
      const verdict = judge(live, await surroundings(cluster, live))
      reason = verdict.reason ?? ''
      if (verdict.failed) throw await notReady(cluster, live, `failed: ${reason}`)
      return verdict.ready ? live : undefined
    })
    if (ready) return ready
  } catch (error) {
    if (!cancel.aborted) throw error
    throw new NotReadyError(latest, [`waiting for ${object.kind} "${idOf(object)}" was cancelled: ${reason}`])
  }
  throw await notReady(cluster, latest, `is not ready after ${seconds} s: ${reason}`)
}

async function notReady(cluster: Cluster, object: KubernetesObject, summary: string): Promise<NotReadyError> {
  const found = await reasonsAgainst(cluster, object).catch((error: unknown) => [`no more is known: ${error}`])
  return new NotReadyError(object, [`${object.kind} "${idOf(object)}" ${summary}`, ...found])
}

async function readyAddresses(cluster: Cluster, namespace: string | undefined, service: string): Promise<number> {
  const labelSelector = `kubernetes.io/service-name=${service}`
  const slices = await cluster.list(ENDPOINT_SLICE, namespace, { labelSelector })
  const endpoints = slices.flatMap((slice) => (slice.endpoints ?? []) as { conditions?: { ready?: boolean } }[])
  return endpoints.filter(({ conditions }) => conditions?.ready !== false).length
}

/** Services that an Ingress sends requests to. */
export function servicesOf({ spec }: KubernetesObject): string[] {
  const names: string[] = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    if (!isObject(value)) return
    if (isObject(value.service) && typeof value.service.name === 'string') names.push(value.service.name)
    Object.values(value).forEach(visit)
  }
  visit(spec)
  return [...new Set(names)]
}

async function surroundings(cluster: Cluster, object: KubernetesObject): Promise<Surroundings> {
  const { namespace, name = '' } = object.metadata
  const none: Surroundings = { endpoints: 0, bindsLate: false, servicesWithoutEndpoints: [] }
  if (object.kind === 'Service') return { ...none, endpoints: await readyAddresses(cluster, namespace, name) }
  if (object.kind === 'Ingress') {
    const services = servicesOf(object)
    const counts = await Promise.all(services.map((service) => readyAddresses(cluster, namespace, service)))
    return { ...none, servicesWithoutEndpoints: services.filter((_, index) => counts[index] === 0) }
  }
  const storageClass = object.spec?.storageClassName
  if (object.kind === 'PersistentVolumeClaim' && typeof storageClass === 'string') {
    const found = await cluster.read(STORAGE_CLASS, undefined, storageClass)
    return { ...none, bindsLate: found?.volumeBindingMode === 'WaitForFirstConsumer' }
  }
  return none
}

/** Waits until the very object (by uid) is gone. Throws a sentence that names the finalizers in the way. */
export async function waitUntilGone(
  cluster: Cluster,
  object: KubernetesObject,
  customSeconds: number,
  cancel: AbortSignal,
): Promise<void> {
  const seconds = timeoutOf(object, customSeconds)
  let finalizers: readonly string[] = []
  const gone = await poll(seconds, cancel, async () => {
    const { namespace, name = '', uid } = object.metadata
    const live = await cluster.read(object, namespace, name)
    finalizers = live?.metadata.finalizers ?? []
    return live === undefined || live.metadata.uid !== uid ? true : undefined
  })
  if (gone) return
  const held = finalizers.length > 0 ? `; finalizers hold it: ${finalizers.join(', ')}` : ''
  throw new Error(`${object.kind} "${idOf(object)}" is still there ${seconds} s after its deletion${held}`)
}

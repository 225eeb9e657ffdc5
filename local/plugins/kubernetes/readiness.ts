/**
 * When an object of the kinds that our program makes is ready, judged from its own state and that of the objects it
 * needs.
 */
import { isObject, type Properties } from '../engine/values.ts'
import type { KubernetesObject } from './object.ts'

export interface Verdict {
  readonly ready: boolean
  /** Why not (yet), for a person. */
  readonly reason?: string
  /** It will not become ready by waiting. */
  readonly failed?: boolean
}

/** What other objects say that one object's readiness hangs on. */
export interface Surroundings {
  /** Ready addresses behind a Service. */
  readonly endpoints: number
  /** A claim's StorageClass binds it only when a Pod uses it. */
  readonly bindsLate: boolean
  /** Services of an Ingress that have no ready address (or do not exist). */
  readonly servicesWithoutEndpoints: readonly string[]
}

interface Condition {
  readonly type?: string
  readonly status?: string
  readonly reason?: string
  readonly message?: string
}

const READY: Verdict = { ready: true }
const waiting = (reason: string): Verdict => ({ ready: false, reason })
const failed = (reason: string): Verdict => ({ ready: false, failed: true, reason })

const count = (properties: Properties | undefined, name: string): number => Number(properties?.[name] ?? 0)

const conditionOf = ({ status }: KubernetesObject, type: string): Condition | undefined =>
  (Array.isArray(status?.conditions) ? (status.conditions as Condition[]) : []).find((each) => each.type === type)

const inWords = ({ reason, message }: Condition): string => [reason, message].filter(Boolean).join(': ')

/** The controller has not looked at the latest version yet. */
const isUnseen = ({ metadata, status }: KubernetesObject): boolean =>
  count(status, 'observedGeneration') < Number(metadata.generation ?? 0)

function deployment(object: KubernetesObject): Verdict {
  if (isUnseen(object)) return waiting('its controller has not seen this version yet')
  const progressing = conditionOf(object, 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') return failed(inWords(progressing))
  const wanted = Number(object.spec?.replicas ?? 1)
  const [all, updated, available] = ['replicas', 'updatedReplicas', 'availableReplicas'].map((name) =>
    count(object.status, name),
  )
  if (updated === wanted && available === wanted && all === wanted) return READY
  return waiting(`${available} of ${wanted} replicas available, ${updated} up to date, ${all} in all`)
}

function job(object: KubernetesObject): Verdict {
  const failure = conditionOf(object, 'Failed')
  if (failure?.status === 'True') return failed(inWords(failure))
  if (conditionOf(object, 'Complete')?.status === 'True') return READY
  return waiting(`${count(object.status, 'active')} running`)
}

function service(object: KubernetesObject, { endpoints }: Surroundings): Verdict {
  const { clusterIP, selector } = object.spec ?? {}
  const isSelectorless = !isObject(selector) || Object.keys(selector).length === 0
  if (clusterIP === 'None' || isSelectorless || endpoints > 0) return READY
  return waiting('no ready Pod matches its selector')
}

function persistentVolumeClaim(object: KubernetesObject, { bindsLate }: Surroundings): Verdict {
  const phase = object.status?.phase
  if (phase === 'Bound' || (bindsLate && phase === 'Pending')) return READY
  return phase === 'Lost' ? failed('its volume is lost') : waiting(`the claim is ${phase ?? 'not seen yet'}`)
}

function ingress(object: KubernetesObject, { servicesWithoutEndpoints }: Surroundings): Verdict {
  if (servicesWithoutEndpoints.length > 0) {
    return waiting(`no ready Pod behind ${servicesWithoutEndpoints.map((name) => `Service "${name}"`).join(', ')}`)
  }
  const { ingress: addresses = [] } = (object.status?.loadBalancer ?? {}) as { ingress?: unknown[] }
  if (addresses.length > 0) return READY
  const { ingressClassName } = object.spec ?? {}
  return waiting(
    `no Ingress controller has taken it${ingressClassName ? ` (class "${ingressClassName}")` : ''}; ` +
      'with a controller that writes no status, set the annotation pulumi.com/skipAwait: "true"',
  )
}

const namespace = ({ status }: KubernetesObject): Verdict =>
  status?.phase === 'Active' ? READY : waiting(`the namespace is ${status?.phase ?? 'not seen yet'}`)

const JUDGES: Record<string, (object: KubernetesObject, surroundings: Surroundings) => Verdict> = {
  'apps/Deployment': deployment,
  'batch/Job': job,
  'networking.k8s.io/Ingress': ingress,
  '/Namespace': namespace,
  '/PersistentVolumeClaim': persistentVolumeClaim,
  '/Service': service,
}

const key = ({ apiVersion, kind }: KubernetesObject): string =>
  `${apiVersion.includes('/') ? apiVersion.split('/')[0] : ''}/${kind}`

/** Objects of all other kinds are ready once they exist. */
export const isAwaited = (object: KubernetesObject): boolean => key(object) in JUDGES

export const judge = (object: KubernetesObject, surroundings: Surroundings): Verdict =>
  JUDGES[key(object)]?.(object, surroundings) ?? READY

/**
 * Stands in for the provider of `@pulumi/kubernetes` 4.34.2 with server-side apply: same tokens, inputs, outputs, ids
 * and names. Helm, kustomize, YAML and Patch resources are not among what it does.
 */
import { randomBytes } from 'node:crypto'
import { changedLeaves } from '../engine/diff.ts'
import {
  type CheckCall,
  type CreateCall,
  type DeleteCall,
  type Diff,
  type DiffCall,
  type Failure,
  IncompleteError,
  type Made,
  type Provider,
  type ReadCall,
  type UpdateCall,
} from '../engine/provider.ts'
import { hasUnknown, type Properties, secret } from '../engine/values.ts'
import { Cluster, ClusterError, settingsOf } from './cluster.ts'
import { currentInputs } from './drift.ts'
import {
  ANNOTATIONS,
  annotation,
  idOf,
  isComplete,
  type KubernetesObject,
  kindOfToken,
  objectOf,
  parseId,
  wantedPart,
  withName,
  withUnknowns,
} from './object.ts'
import { withIgnoredAsLive } from './ownership.ts'
import { unreadyChanges, withReplacements } from './replacement.ts'
import { NotReadyError, waitUntilGone, waitUntilReady } from './wait.ts'

/** Where the official provider keeps them in the state. */
const FIELD_MANAGER_KEY = '__fieldManager'
const INITIAL_API_VERSION_KEY = '__initialApiVersion'

const DEFAULT_NAMESPACE = 'default'

const CONFLICT_HELP =
  'https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/' +
  '#handle-field-conflicts-on-existing-resources'

/** What may be set in the configuration of the official provider but means nothing here is left alone silently. */
export class KubernetesProvider implements Provider {
  readonly version = '4.34.2'
  readonly cancel = new AbortController()
  #settings: Properties = {}
  #cluster: Promise<Cluster> | undefined

  configure(config: Properties): void {
    this.#settings = config
  }

  /** A switch of the official provider: from its configuration, or from the environment. */
  #isOn(setting: string, variable: string): boolean {
    return String(this.#settings[setting] ?? process.env[variable]) === 'true'
  }

  /** Connected at the first need, so that a kubeconfig that another resource makes can be previewed. */
  get #connected(): Promise<Cluster> {
    this.#cluster ??= Cluster.connect(settingsOf(this.#settings))
    return this.#cluster
  }

  async check({ type, name, olds, news, randomSeed }: CheckCall): Promise<{ inputs: Properties; failures: Failure[] }> {
    const old = Object.keys(olds).length > 0 ? objectOf(type, olds) : undefined
    const named = withName(objectOf(type, news), old, name, randomSeed)
    return { inputs: await this.#withNamespace(named), failures: [] }
  }

  async diff({ type, oldInputs, news }: DiffCall): Promise<Diff> {
    const [before, after] = [objectOf(type, oldInputs), objectOf(type, news)]
    const changes = [
      ...withReplacements(changedLeaves(before, after), after, {
        configMapMutable: this.#isOn('enableConfigMapMutable', 'PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE'),
      }),
      ...(await unreadyChanges(after, () => this.#connected)),
    ]
    const keepsName =
      before.metadata.name === after.metadata.name && before.metadata.namespace === after.metadata.namespace
    return { changes, deleteBeforeReplace: keepsName && changes.some(({ replace }) => replace) }
  }

  async create({ type, inputs, preview, timeoutSeconds }: CreateCall): Promise<Made> {
    const wanted = objectOf(type, inputs)
    const fieldManager = newFieldManager()
    if (preview) return { id: '', state: await this.#previewedNew(wanted, fieldManager) }
    const applied = await this.#apply(wanted, fieldManager, false)
    const live = await this.#awaited(applied, fieldManager, inputs, timeoutSeconds)
    return { id: idOf(live), state: stateOf(live, fieldManager) }
  }

  async read({ type, id, oldState, oldInputs }: ReadCall): Promise<(Made & { inputs: Properties }) | undefined> {
    const { namespace, name } = parseId(id)
    const live = await (await this.#connected).read(kindOfToken(type), namespace, name)
    if (!live) return undefined
    const isKnown = Object.keys(oldInputs).length > 0
    const inputs = isKnown ? currentInputs(objectOf(type, oldInputs), live) : wantedPart(live)
    return { id: idOf(live), state: stateOf(live, fieldManagerOf(oldState, live)), inputs: hideSecrets(inputs) }
  }

  async update({ type, id, oldState, news, ignoreChanges, preview, timeoutSeconds }: UpdateCall): Promise<Properties> {
    const asked = objectOf(type, news)
    const fieldManager = fieldManagerOf(oldState)
    if (preview && !isComplete(asked)) return asked
    const wanted = ignoreChanges.length > 0 ? await this.#withIgnored(asked, id, fieldManager, ignoreChanges) : asked
    if (preview) return stateOf(await this.#apply(wanted, fieldManager, true), fieldManager)
    const applied = await this.#apply(wanted, fieldManager, false)
    return stateOf(await this.#awaited(applied, fieldManager, news, timeoutSeconds), fieldManager)
  }

  async delete({ type, id, state, timeoutSeconds }: DeleteCall): Promise<void> {
    const cluster = await this.#connected
    const { namespace, name } = parseId(id)
    const object = objectOf(type, state)
    const propagationPolicy = annotation(object, ANNOTATIONS.deletionPropagation) ?? 'foreground'
    const content = { propagationPolicy: propagationPolicy.charAt(0).toUpperCase() + propagationPolicy.slice(1) }
    try {
      const live = await cluster.read(object, namespace, name)
      if (!live) return
      await cluster.text('DELETE', await cluster.path(object, namespace, name), { type: 'application/json', content })
      await waitUntilGone(cluster, live, timeoutSeconds, this.cancel.signal)
    } catch (error) {
      // Gone, together with its kind's definition or its namespace.
      if (!(error instanceof ClusterError) || error.status !== 404) throw error
    }
  }

  async #withNamespace(object: KubernetesObject): Promise<KubernetesObject> {
    if (object.metadata.namespace !== undefined || !(await this.#isNamespaced(object))) return object
    const namespace = String(this.#settings.namespace || (await this.#connected).namespace || DEFAULT_NAMESPACE)
    return { ...object, metadata: { ...object.metadata, namespace } }
  }

  /** A kind whose definition this very update is going to install is taken as the program writes it. */
  async #isNamespaced(object: KubernetesObject): Promise<boolean> {
    try {
      return await (await this.#connected).isNamespaced(object)
    } catch (error) {
      if (error instanceof ClusterError && error.status === 404) return false
      throw error
    }
  }

  /** The object as it is wanted, after the API server checked it, where it can do that already. */
  async #previewedNew(wanted: KubernetesObject, fieldManager: string): Promise<Properties> {
    const previewed = hideSecrets(withUnknowns(wanted))
    if (!isComplete(wanted)) return previewed
    const { namespace, name = '' } = wanted.metadata
    try {
      // What is there already is about to be replaced, and would answer for the old object.
      const isThere = (await (await this.#connected).read(wanted, namespace, name)) !== undefined
      if (!isThere) await this.#apply(wanted, fieldManager, true)
    } catch (error) {
      // Its namespace or its definition comes with this update.
      if (!(error instanceof ClusterError) || error.status !== 404) throw error
    }
    return previewed
  }

  async #withIgnored(wanted: KubernetesObject, id: string, fieldManager: string, ignoreChanges: readonly string[]) {
    const { namespace, name } = parseId(id)
    const live = await (await this.#connected).read(wanted, namespace, name)
    return live ? withIgnoredAsLive(wanted, live, fieldManager, ignoreChanges) : wanted
  }

  async #apply(wanted: KubernetesObject, fieldManager: string, dryRun: boolean): Promise<KubernetesObject> {
    if (hasUnknown(wanted)) throw new Error(`${wanted.kind}: some values are not known yet`)
    const cluster = await this.#connected
    const { namespace, name } = wanted.metadata
    const path = await cluster.path(wanted, namespace, name)
    const force =
      annotation(wanted, ANNOTATIONS.patchForce) === 'true' ||
      this.#isOn('enablePatchForce', 'PULUMI_K8S_ENABLE_PATCH_FORCE')
    const query = new URLSearchParams({ fieldManager, force: String(force), ...(dryRun ? { dryRun: 'All' } : {}) })
    try {
      return await cluster.request('PATCH', `${path}?${query}`, {
        type: 'application/apply-patch+yaml',
        content: wanted,
      })
    } catch (error) {
      throw error instanceof ClusterError ? withAdvice(error, wanted, fieldManager) : error
    }
  }

  async #awaited(
    applied: KubernetesObject,
    fieldManager: string,
    inputs: Properties,
    timeoutSeconds: number,
  ): Promise<KubernetesObject> {
    try {
      return await waitUntilReady(await this.#connected, applied, timeoutSeconds, this.cancel.signal)
    } catch (error) {
      const object = error instanceof NotReadyError ? error.object : applied
      const reasons =
        error instanceof NotReadyError ? error.reasons : [error instanceof Error ? error.message : String(error)]
      throw new IncompleteError({ id: idOf(object), state: stateOf(object, fieldManager) }, inputs, reasons)
    }
  }
}

const newFieldManager = () => `pulumi-kubernetes-${randomBytes(4).toString('hex')}`

/** The manager under which this resource was applied before; of an imported one, that of an earlier stack. */
function fieldManagerOf(state: Properties, live?: KubernetesObject): string {
  if (typeof state[FIELD_MANAGER_KEY] === 'string') return state[FIELD_MANAGER_KEY]
  const earlier = live?.metadata.managedFields?.find(
    ({ manager, operation }) => operation === 'Apply' && manager?.startsWith('pulumi-kubernetes'),
  )
  return earlier?.manager ?? newFieldManager()
}

/** Data of a Secret is secret wherever it comes from. */
function hideSecrets(object: Properties): Properties {
  if (object.kind !== 'Secret' || object.apiVersion !== 'v1') return object
  const hidden = ['data', 'stringData'].filter((name) => object[name] !== undefined)
  return { ...object, ...Object.fromEntries(hidden.map((name) => [name, secret(object[name])])) }
}

function stateOf(live: KubernetesObject, fieldManager: string): Properties {
  const { managedFields: _, ...metadata } = live.metadata
  const state = { [FIELD_MANAGER_KEY]: fieldManager, [INITIAL_API_VERSION_KEY]: live.apiVersion }
  return { ...hideSecrets(live), metadata, ...state }
}

function withAdvice(error: ClusterError, object: KubernetesObject, fieldManager: string): ClusterError {
  const at = `${object.kind} "${idOf(object)}"`
  // The official provider's message, which the program reads.
  if (error.status === 409) {
    return new ClusterError(
      409,
      `${at}: Server-Side Apply field conflict detected. See ${CONFLICT_HELP} for troubleshooting help.\n` +
        `The resource managed by field manager "${fieldManager}" had an apply conflict: ${error.message}`,
    )
  }
  if (error.status === 401 || error.status === 403) {
    const advice = 'Is the right cluster and user chosen (kubernetes:context, kubernetes:kubeconfig, KUBECONFIG)?'
    return new ClusterError(error.status, `${at}: ${error.message}. ${advice}`)
  }
  return new ClusterError(error.status, `${at}: ${error.message}`)
}

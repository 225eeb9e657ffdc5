/** The connection to a cluster: where it is, what it serves, and plain JSON requests with readable errors. */
import { existsSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import type { KubeConfig } from '@kubernetes/client-node'
import type { Properties } from '../engine/values.ts'
import type { KubernetesObject } from './object.ts'

/** How long the API server may take for one answer; an apply with admission webhooks may take 30 s. */
const ANSWER_TIMEOUT_MS = 60_000
/** An answer that is not a Status object is shown up to here. */
const SHOWN_BODY_CHARACTERS = 300

export interface ClusterSettings {
  /** Path or contents; without it KUBECONFIG and then ~/.kube/config. */
  readonly kubeconfig?: string
  readonly context?: string
}

interface ApiResource {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}

/** An unsuccessful answer of the API server, or no answer (`status` 0). */
export class ClusterError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function loadConfig({ kubeconfig, context }: ClusterSettings): Promise<KubeConfig> {
  // Only the part of the client that reads kubeconfigs and knows all ways to authenticate: the typed rest drops
  // fields that it does not know, and takes half a second to load.
  const { KubeConfig } = (await import(
    '@kubernetes/client-node/dist/config.js'
  )) as typeof import('@kubernetes/client-node')
  const config = new KubeConfig()
  if (!kubeconfig) config.loadFromDefault()
  else if (existsSync(kubeconfig)) config.loadFromFile(kubeconfig)
  else config.loadFromString(kubeconfig)
  if (context) {
    const known = config.getContexts().map(({ name }) => name)
    if (!known.includes(context)) {
      throw new Error(`kubernetes:context is "${context}", but the kubeconfig has only: ${known.join(', ') || 'none'}`)
    }
    config.setCurrentContext(context)
  }
  return config
}

export class Cluster {
  readonly server: string
  /** The namespace of the kubeconfig's context. */
  readonly namespace: string | undefined
  readonly #config: KubeConfig
  readonly #resources = new Map<string, Promise<readonly ApiResource[]>>()

  private constructor(config: KubeConfig) {
    const cluster = config.getCurrentCluster()
    if (!cluster)
      throw new Error('the kubeconfig names no cluster: set kubernetes:kubeconfig, kubernetes:context or KUBECONFIG')
    this.server = cluster.server.replace(/\/+$/, '')
    this.namespace = config.getContextObject(config.getCurrentContext())?.namespace
    this.#config = config
  }

  static async connect(settings: ClusterSettings): Promise<Cluster> {
    return new Cluster(await loadConfig(settings))
  }

  /** Sends a request and answers its JSON. Throws `ClusterError`. */
  async request<T = KubernetesObject>(
    method: string,
    path: string,
    body?: { readonly type: string; readonly content: unknown },
  ): Promise<T> {
    return JSON.parse(await this.text(method, path, body)) as T
  }

  async text(
    method: string,
    path: string,
    body?: { readonly type: string; readonly content: unknown },
  ): Promise<string> {
    const options: https.RequestOptions = { method, headers: { accept: 'application/json' } }
    await this.#config.applyToHTTPSOptions(options)
    if (body) options.headers = { ...options.headers, 'content-type': body.type }
    const { status, content } = await send(
      `${this.server}${path}`,
      options,
      body === undefined ? undefined : JSON.stringify(body.content),
    )
    if (status >= 200 && status < 300) return content
    throw new ClusterError(status, statusInWords(status, content))
  }

  /** The path of an object (or of its kind's collection, without a name). Throws when the cluster lacks the kind. */
  async path(object: { apiVersion: string; kind: string }, namespace?: string, name?: string): Promise<string> {
    const resource = await this.#resource(object)
    const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''
    return `${apiRoot(object.apiVersion)}${scope}/${resource.name}${name ? `/${encodeURIComponent(name)}` : ''}`
  }

  async isNamespaced(object: { apiVersion: string; kind: string }): Promise<boolean> {
    return (await this.#resource(object)).namespaced
  }

  /** `undefined` where there is none. */
  async read(object: { apiVersion: string; kind: string }, namespace: string | undefined, name: string) {
    try {
      return await this.request('GET', await this.path(object, namespace, name))
    } catch (error) {
      if (error instanceof ClusterError && error.status === 404) return undefined
      throw error
    }
  }

  async list(
    object: { apiVersion: string; kind: string },
    namespace: string | undefined,
    query: Record<string, string>,
  ): Promise<KubernetesObject[]> {
    const path = `${await this.path(object, namespace)}?${new URLSearchParams(query)}`
    const { items } = await this.request<{ items: KubernetesObject[] }>('GET', path)
    // The API names the kind for the whole list only.
    return items.map((item) => ({ ...item, ...object }))
  }

  async #resource({ apiVersion, kind }: { apiVersion: string; kind: string }): Promise<ApiResource> {
    const known = (await this.#discovered(apiVersion)).find((resource) => resource.kind === kind)
    if (known) return known
    // A CustomResourceDefinition may have come since.
    this.#resources.delete(apiVersion)
    const found = (await this.#discovered(apiVersion)).find((resource) => resource.kind === kind)
    if (found) return found
    throw new ClusterError(
      404,
      `the cluster at ${this.server} serves no ${kind} in ${apiVersion}: is its definition installed?`,
    )
  }

  #discovered(apiVersion: string): Promise<readonly ApiResource[]> {
    const cached = this.#resources.get(apiVersion)
    if (cached) return cached
    const found = this.request<{ resources: ApiResource[] }>('GET', apiRoot(apiVersion)).then(
      // Entries with a slash are parts of an object, such as deployments/scale.
      ({ resources }) => resources.filter(({ name }) => !name.includes('/')),
      (error: unknown) => {
        this.#resources.delete(apiVersion)
        if (error instanceof ClusterError && error.status === 404) return []
        throw error
      },
    )
    this.#resources.set(apiVersion, found)
    return found
  }
}

const apiRoot = (apiVersion: string) => (apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`)

async function send(
  url: string,
  options: https.RequestOptions,
  body: string | undefined,
): Promise<{ status: number; content: string }> {
  const transport = url.startsWith('https:') ? https : http
  try {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = transport.request(url, { ...options, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) }, resolve)
      request.once('error', reject)
      request.end(body)
    })
    return { status: response.statusCode ?? 0, content: await text(response) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ClusterError(0, `the cluster does not answer at ${new URL(url).origin}: ${reason}`)
  }
}

function statusInWords(status: number, body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: string }
    if (message) return message
  } catch {
    // Not a Status object: shown as it is.
  }
  return `the cluster answered ${status}: ${body.trim().slice(0, SHOWN_BODY_CHARACTERS) || 'no text'}`
}

export const settingsOf = (config: Properties): ClusterSettings => ({
  ...(config.kubeconfig ? { kubeconfig: String(config.kubeconfig) } : {}),
  ...(config.context ? { context: String(config.context) } : {}),
})

/** A registry and its token service in memory, behind `fetch`. */

import { limits as usual } from './limits.ts'
import { digestOf, MANIFEST_TYPES } from './manifest.ts'
import type { RegistryAccess } from './registry.ts'

const [OCI_INDEX, , OCI_IMAGE] = MANIFEST_TYPES
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar'

export class FakeRegistry {
  /** By repository. */
  readonly tags = new Map<string, Map<string, string>>()
  /** Manifests and blobs by digest. */
  readonly stored = new Map<string, Uint8Array>()
  readonly requests: string[] = []
  readonly scopes: string[][] = []
  /** Answers in place of the usual ones, by `METHOD path`. */
  readonly answers = new Map<string, () => Response>()

  put(repository: string, tag: string | undefined, manifest: object | string): string {
    const digest = this.store(typeof manifest === 'string' ? manifest : JSON.stringify(manifest))
    const tags = this.tags.get(repository) ?? new Map<string, string>()
    this.tags.set(repository, tags)
    if (tag !== undefined) tags.set(tag, digest)
    return digest
  }

  store(content: string): string {
    const bytes = new TextEncoder().encode(content)
    const digest = digestOf(bytes)
    this.stored.set(digest, bytes)
    return digest
  }

  image(repository: string, tag: string | undefined, created: string | undefined, more: object = {}): string {
    const config = this.store(JSON.stringify({ created, of: `${repository}:${tag}`, ...more }))
    const layers = [{ mediaType: LAYER, digest: this.store(`layer of ${repository}:${tag}`), size: 1 }]
    return this.put(repository, tag, {
      mediaType: OCI_IMAGE,
      config: { mediaType: CONFIG, digest: config },
      layers,
      ...more,
    })
  }

  index(repository: string, tag: string | undefined, digests: string[], more: object = {}): string {
    const manifests = digests.map((digest) => ({ mediaType: OCI_IMAGE, digest, size: 1 }))
    return this.put(repository, tag, { mediaType: OCI_INDEX, manifests, ...more })
  }

  access(limits: Partial<typeof usual> = {}): RegistryAccess {
    return {
      registryUrl: 'http://registry',
      tokenUrl: 'http://token-service/token',
      service: 'docker-registry',
      readToken: async () => 'token-of-the-account\n',
      limits: { ...usual, ...limits },
      fetch: async (url, init) => this.#answer(new URL(String(url)), init ?? {}),
      now: () => Date.UTC(2026, 5, 1),
    }
  }

  #answer(url: URL, { method = 'GET', headers = {} }: RequestInit): Response {
    const request = `${method} ${url.pathname}`
    this.requests.push(request)
    const own = this.answers.get(request)
    if (own !== undefined) return own()
    if (url.hostname === 'token-service') {
      this.scopes.push(url.searchParams.getAll('scope'))
      const basic = Buffer.from('JWT:token-of-the-account').toString('base64')
      if (new Headers(headers).get('authorization') !== `Basic ${basic}`) return new Response(null, { status: 401 })
      return Response.json({ token: 'registry-token', expires_in: 600 })
    }
    if (new Headers(headers).get('authorization') !== 'Bearer registry-token')
      return new Response(null, { status: 401 })
    const path = url.pathname.slice('/v2/'.length)
    if (path === '_catalog') return this.#page(url, 'repositories', [...this.tags.keys()])
    const {
      repository = '',
      what = '',
      reference = '',
    } = /^(?<repository>.+)\/(?<what>tags|manifests|blobs)\/(?<reference>[^/]+)$/.exec(path)?.groups ?? {}
    const tags = this.tags.get(repository) ?? new Map<string, string>()
    if (what === 'tags') return this.#page(url, 'tags', [...tags.keys()])
    const digest = tags.get(reference) ?? reference
    const stored = this.stored.get(digest)
    if (stored === undefined) return new Response(null, { status: 404 })
    if (method !== 'DELETE') return new Response(stored.slice())
    if (tags.has(reference)) tags.delete(reference)
    else {
      this.stored.delete(digest)
      for (const [tag, of] of tags) if (of === digest) tags.delete(tag)
    }
    return new Response(null, { status: 202 })
  }

  /** As distribution does: sorted, so many after the last one, with a Link where more follow. */
  #page({ searchParams }: URL, name: string, entries: string[]): Response {
    const rest = entries.sort().filter((entry) => entry > (searchParams.get('last') ?? ''))
    const page = rest.slice(0, Number(searchParams.get('n')))
    return Response.json({ [name]: page }, { headers: page.length < rest.length ? { link: '<next>; rel="next"' } : {} })
  }
}

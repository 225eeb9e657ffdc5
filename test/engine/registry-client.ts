/** Pushes to a registry and pulls from it as clients do, over HTTP: quick enough for hundreds of small images. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'

export const OCI = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const

export interface Descriptor {
  mediaType: string
  digest: string
  size: number
}

export const digestOf = (content: Uint8Array | string) => `sha256:${createHash('sha256').update(content).digest('hex')}`

/** @param authorization the header's value for a repository */
export function registryClient(host: string, authorization: (repository: string) => Promise<string>) {
  /** Each blob and manifest that was pushed, so that it can be pushed again. */
  const pushed = new Map<string, Uint8Array<ArrayBuffer>>()
  const ask = async (repository: string, path: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
    fetch(new URL(path, `http://${host}/v2/${repository}/`), {
      ...init,
      headers: { authorization: await authorization(repository), ...init.headers },
    })

  /** What is there already is not sent again, as every client does it. */
  async function pushBlob(repository: string, mediaType: string, content: Uint8Array | string): Promise<Descriptor> {
    const bytes = new Uint8Array(Buffer.from(content))
    const digest = digestOf(bytes)
    pushed.set(digest, bytes)
    if (!(await ask(repository, `blobs/${digest}`, { method: 'HEAD' })).ok) {
      const begun = await ask(repository, 'blobs/uploads/', { method: 'POST' })
      const location = new URL(begun.headers.get('location') ?? '', `http://${host}/v2/${repository}/blobs/uploads/`)
      location.searchParams.set('digest', digest)
      const { status } = await ask(repository, String(location), { method: 'PUT', body: bytes })
      assert.equal(status, 201, `${repository}: the upload of ${digest} was answered ${status}`)
    }
    return { mediaType, digest, size: bytes.length }
  }

  /** @param reference a tag; without, the manifest is pushed by its digest */
  async function pushManifest(
    repository: string,
    manifest: { mediaType: string } & Record<string, unknown>,
    reference?: string,
  ): Promise<Descriptor> {
    const body = new Uint8Array(Buffer.from(JSON.stringify({ schemaVersion: 2, ...manifest })))
    const digest = digestOf(body)
    pushed.set(digest, body)
    const headers = { 'content-type': manifest.mediaType }
    const answer = await ask(repository, `manifests/${reference ?? digest}`, { method: 'PUT', body, headers })
    assert.equal(answer.status, 201, `${repository}: ${answer.status} ${await answer.text()}`)
    return { mediaType: manifest.mediaType, digest, size: body.length }
  }

  /**
   * Follows a tag or digest down to every layer.
   * @param found digests that came with their content before; they are not asked for again
   * @returns the same with those that came now
   */
  async function pull(repository: string, reference: string, found = new Set<string>()): Promise<Set<string>> {
    const waiting = [{ path: `manifests/${reference}`, digest: reference.includes(':') ? reference : undefined }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next.digest !== undefined && found.has(next.digest)) continue
      const answer = await ask(repository, next.path, { headers: { accept: `${OCI.index}, ${OCI.image}` } })
      const bytes = await answer.bytes()
      assert.equal(answer.status, 200, `${repository} ${next.path}: ${answer.status}`)
      const digest = digestOf(bytes)
      if (next.digest !== undefined) assert.equal(digest, next.digest)
      found.add(digest)
      if (next.path.startsWith('blobs/')) continue
      const { manifests = [], config, layers = [] } = JSON.parse(Buffer.from(bytes).toString())
      for (const { mediaType, digest } of [...manifests, ...(config === undefined ? [] : [config]), ...layers]) {
        const isManifest = mediaType === OCI.image || mediaType === OCI.index
        waiting.push({ path: `${isManifest ? 'manifests' : 'blobs'}/${digest}`, digest })
      }
    }
    return found
  }

  const exists = async (repository: string, reference: string): Promise<boolean> =>
    (
      await ask(repository, `manifests/${reference}`, {
        method: 'HEAD',
        headers: { accept: `${OCI.index}, ${OCI.image}` },
      })
    ).ok

  return { ask, pushBlob, pushManifest, pull, exists, pushed }
}

export type RegistryClient = ReturnType<typeof registryClient>

export const content = (bytes: number) => new Uint8Array(randomBytes(bytes))

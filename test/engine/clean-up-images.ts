/**
 * Two hundred images for two platforms each, signed, with attachments and a build cache beside them; half of them are
 * what a clean-up is to remove. Small, and pushed over HTTP: what counts is what refers to what.
 */
import assert from 'node:assert/strict'
import { atOnce } from '../../clean-up/retention/at-once.ts'
import { content, OCI, type RegistryClient } from './registry-client.ts'

/** Of each repository, and how many of them retention keeps. */
const IMAGES = 50
export const KEPT = 25
const LAYER_BYTES = 20_000
const DAY_MS = 24 * 60 * 60 * 1000
const PUSHES_AT_ONCE = 8
const CACHE_TAG = 'buildcache'

/** One of the two hundred. */
export interface Image {
  repository: string
  number: number
  tag: string
  isKept: boolean
  /** The tags by which a client pulls it and what belongs to it. */
  references: string[]
  /** Everything that it alone has. */
  digests: string[]
  push: () => Promise<void>
}

/** Makes an image, ready to be pushed as often as one likes. */
function imageOf(client: RegistryClient, repository: string, number: number, base: Uint8Array): Image {
  const created = new Date(Date.now() - number * DAY_MS).toISOString()
  const layers = { amd64: content(LAYER_BYTES), arm64: content(LAYER_BYTES) }
  const [signature, sbom] = [content(2_000), content(2_000)]
  const image: Image = {
    repository,
    number,
    tag: `build-${number}`,
    isKept: number < KEPT,
    references: [],
    digests: [],
    push: async () => {
      const blob = (mediaType: string, bytes: Uint8Array | string) => client.pushBlob(repository, mediaType, bytes)
      const shared = await blob(OCI.layer, base)
      const empty = await blob('application/vnd.oci.empty.v1+json', '{}')
      const platforms = []
      const own = []
      for (const [architecture, bytes] of Object.entries(layers)) {
        const layer = await blob(OCI.layer, bytes)
        const config = await blob(OCI.config, JSON.stringify({ created, architecture, os: 'linux', number }))
        const manifest = { mediaType: OCI.image, config, layers: [shared, layer] }
        platforms.push({
          ...(await client.pushManifest(repository, manifest)),
          platform: { architecture, os: 'linux' },
        })
        own.push(layer, config)
      }
      const index = await client.pushManifest(repository, { mediaType: OCI.index, manifests: platforms }, image.tag)
      const byName = index.digest.replace(':', '-')
      // A signature as cosign tags it, and an attachment as clients do it where there is no referrers API.
      const signed = await blob('application/vnd.dev.cosign.simplesigning.v1+json', signature)
      const signatureManifest = await client.pushManifest(
        repository,
        { mediaType: OCI.image, config: empty, layers: [signed] },
        `${byName}.sig`,
      )
      const attached = await blob('application/spdx+json', sbom)
      const attachment = await client.pushManifest(repository, {
        mediaType: OCI.image,
        config: empty,
        layers: [attached],
        subject: index,
      })
      const list = { mediaType: OCI.index, manifests: [{ ...attachment, artifactType: 'application/spdx+json' }] }
      const attachments = await client.pushManifest(repository, list, byName)
      own.push(index, ...platforms, signatureManifest, signed, attachment, attached, attachments)
      image.digests = own.map(({ digest }) => digest)
      image.references = [image.tag, `${byName}.sig`, byName]
    },
  }
  return image
}

/**
 * As BuildKit writes it (`image-manifest=true`): layers, and a configuration of its own kind. The registry takes no
 * index of layers.
 */
async function pushCache(client: RegistryClient, repository: string, base: Uint8Array): Promise<string[]> {
  const layers = [await client.pushBlob(repository, OCI.layer, base)]
  for (let number = 0; number < 3; number++) {
    layers.push(await client.pushBlob(repository, OCI.layer, content(LAYER_BYTES)))
  }
  const config = await client.pushBlob(
    repository,
    'application/vnd.buildkit.cacheconfig.v0',
    JSON.stringify({ layers }),
  )
  await client.pushManifest(repository, { mediaType: OCI.image, config, layers }, CACHE_TAG)
  return [...layers, config].map(({ digest }) => digest)
}

/** What was pushed. */
export interface PushedImages {
  kept: readonly Image[]
  doomed: readonly Image[]
  /** Digests of the build cache of each repository. */
  caches: ReadonlyMap<string, readonly string[]>
  /** Bytes that the doomed alone have. */
  doomedBytes: number
}

/** Makes them, and pushes them. @param repositories fifty each, the newest {@link KEPT} of which are kept */
export async function pushImages(client: RegistryClient, repositories: readonly string[]): Promise<PushedImages> {
  const images: Image[] = []
  const caches = new Map<string, string[]>()
  for (const repository of repositories) {
    const base = content(LAYER_BYTES)
    for (let number = 0; number < IMAGES; number++) images.push(imageOf(client, repository, number, base))
    caches.set(repository, await pushCache(client, repository, base))
  }
  await pushAll(images)
  const doomed = images.filter(({ isKept }) => !isKept)
  const doomedBytes = doomed
    .flatMap(({ digests }) => digests)
    .reduce((sum, digest) => sum + (client.pushed.get(digest)?.length ?? 0), 0)
  return { kept: images.filter(({ isKept }) => isKept), doomed, caches, doomedBytes }
}

export const pushAll = (images: readonly Image[]) => atOnce(images, PUSHES_AT_ONCE, ({ push }) => push())

/** @throws Error unless everything of them comes, by tag, signature and list of attachments */
export async function pullAll(client: RegistryClient, images: readonly Image[]): Promise<void> {
  for (const repository of new Set(images.map((image) => image.repository))) {
    const own = images.filter((image) => image.repository === repository)
    const pulled = new Set<string>()
    await atOnce(own, PUSHES_AT_ONCE, async ({ references }) => {
      for (const reference of references) await client.pull(repository, reference, pulled)
    })
    const missing = own.flatMap(({ digests }) => digests).filter((digest) => !pulled.has(digest))
    assert.deepEqual(missing, [], `${repository}: not everything came`)
  }
}

/** @throws Error unless everything of the build caches comes */
export async function pullCaches(client: RegistryClient, caches: PushedImages['caches']): Promise<void> {
  for (const [repository, digests] of caches) {
    const pulled = await client.pull(repository, CACHE_TAG)
    const missing = digests.filter((digest) => !pulled.has(digest))
    assert.deepEqual(missing, [], `${repository}:${CACHE_TAG}: not everything came`)
  }
}

/** @throws Error if any of them is still there, by tag, signature or list of attachments */
export async function expectGone(client: RegistryClient, images: readonly Image[]): Promise<void> {
  await atOnce(images, PUSHES_AT_ONCE, async ({ repository, references }) => {
    for (const reference of references) {
      assert.equal(await client.exists(repository, reference), false, `${repository}:${reference} is still there`)
    }
  })
}

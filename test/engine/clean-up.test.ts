/**
 * The proof of the clean-up: two hundred images for two platforms each, signed, with attachments and a build cache, of which
 * retention removes half, and garbage collection the bytes of that half. Tokens come from the token service and a rule.
 */
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atOnce } from '../../clean-up/retention/at-once.ts'
import { limits } from '../../clean-up/retention/limits.ts'
import { runRetention } from '../../clean-up/retention/run.ts'
import { REGISTRY_NAME } from '../../infra/authentik/names.ts'
import { type PushPath, startPushPath } from './push-path.ts'
import { content, OCI, type RegistryClient, registryClient } from './registry-client.ts'

const REPOSITORIES = ['acme/one', 'acme/two', 'acme/three', 'acme/four']
/** Of each repository, and how many of them retention keeps. */
const IMAGES = 50
const KEPT = 25
const LAYER_BYTES = 20_000
const DAY_MS = 24 * 60 * 60 * 1000
const rules = [
  { source: 'github', claims: { repository: 'acme/app' }, push: ['acme/**'], delete: ['acme/**'], catalog: true },
]

let path: PushPath
let client: RegistryClient
let ciToken: string

beforeAll(async () => {
  path = await startPushPath(rules, 60_000)
  ciToken = (await path.login({ repository: 'acme/app', ref: 'refs/heads/main' }, 3600)).password
  const basic = `Basic ${Buffer.from(`JWT:${ciToken}`).toString('base64')}`
  const tokens = new Map<string, Promise<string>>()
  client = registryClient(path.host, (repository) => {
    const known =
      tokens.get(repository) ??
      fetch(`${path.service.url}/token?service=${REGISTRY_NAME}&scope=repository:${repository}:pull,push`, {
        headers: { authorization: basic },
      })
        .then((response) => response.json() as Promise<{ token: string }>)
        .then(({ token }) => `Bearer ${token}`)
    tokens.set(repository, known)
    return known
  })
})
afterAll(() => path[Symbol.asyncDispose]())

/** One of the two hundred. */
interface Image {
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
function imageOf(repository: string, number: number, base: Uint8Array): Image {
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

/** As BuildKit writes it (`image-manifest=true`): layers, and a configuration of its own kind. The registry takes no index of layers. */
async function pushCache(repository: string, base: Uint8Array): Promise<string[]> {
  const layers = [await client.pushBlob(repository, OCI.layer, base)]
  for (let number = 0; number < 3; number++) {
    layers.push(await client.pushBlob(repository, OCI.layer, content(LAYER_BYTES)))
  }
  const config = await client.pushBlob(
    repository,
    'application/vnd.buildkit.cacheconfig.v0',
    JSON.stringify({ layers }),
  )
  await client.pushManifest(repository, { mediaType: OCI.image, config, layers }, 'buildcache')
  return [...layers, config].map(({ digest }) => digest)
}

/** Bytes of the files that the registry keeps. */
async function bytesStored(): Promise<number> {
  const root = join(path.dir, 'registry', 'data')
  const files = await readdir(root, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    files.filter((file) => file.isFile()).map(async (file) => (await lstat(join(file.parentPath, file.name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

const runRules = (apply: boolean, repositories = 'acme/**', print: (line: string) => void = () => {}) =>
  runRetention({
    access: {
      registryUrl: `http://${path.host}`,
      tokenUrl: `${path.service.url}/token`,
      service: REGISTRY_NAME,
      readToken: async () => ciToken,
      limits,
      fetch,
      now: Date.now,
    },
    retention: { apply, rules: [{ repositories: [repositories], keep: { newest: KEPT } }] },
    print,
  })

/** Everything of them comes, by tag, signature and list of attachments. */
async function expectPulls(images: readonly Image[]): Promise<void> {
  for (const repository of REPOSITORIES) {
    const of = images.filter((image) => image.repository === repository)
    const pulled = new Set<string>()
    await atOnce(of, 8, async ({ references }) => {
      for (const reference of references) await client.pull(repository, reference, pulled)
    })
    expect(of.flatMap(({ digests }) => digests).filter((digest) => !pulled.has(digest))).toEqual([])
  }
}

describe('retention and garbage collection', () => {
  it('bring back the room of what goes, and leave all of what stays', async () => {
    const images: Image[] = []
    const caches = new Map<string, string[]>()
    for (const repository of REPOSITORIES) {
      const base = content(LAYER_BYTES)
      for (let number = 0; number < IMAGES; number++) images.push(imageOf(repository, number, base))
      caches.set(repository, await pushCache(repository, base))
    }
    await atOnce(images, 8, ({ push }) => push())
    const [kept, doomed] = [images.filter(({ isKept }) => isKept), images.filter(({ isKept }) => !isKept)]
    const before = await bytesStored()

    // Without `apply` nothing changes.
    const lines: string[] = []
    expect(await runRules(false, 'acme/one', (line) => lines.push(line))).toMatchObject({
      tags: (3 * doomed.length) / 4,
    })
    expect(lines.filter((line) => line.includes(' would delete tag build-'))).toHaveLength(IMAGES - KEPT)
    expect(await bytesStored()).toBe(before)

    // Of an image: its own tag, that of its signature and that of its attachments. Manifests: index, two platforms,
    // signature, attachment and their list.
    const expected = { tags: 3 * doomed.length, manifests: 6 * doomed.length, skipped: 0 }
    expect(await runRules(true)).toEqual(expected)
    await path.registry.collectGarbage()
    const ofDoomed = doomed
      .flatMap(({ digests }) => digests)
      .reduce((sum, digest) => sum + (client.pushed.get(digest)?.length ?? 0), 0)
    const freed = before - (await bytesStored())
    console.info(`${images.length} images, ${doomed.length} removed: ${freed} of ${ofDoomed} bytes came back`)
    expect(freed).toBeGreaterThanOrEqual(0.9 * ofDoomed)

    await expectPulls(kept)
    for (const [repository, digests] of caches) {
      expect([...(await client.pull(repository, 'buildcache'))]).toEqual(expect.arrayContaining(digests))
    }
    await atOnce(doomed, 8, async ({ repository, references }) => {
      for (const reference of references) expect(await client.exists(repository, reference), reference).toBe(false)
    })

    // A second run has nothing to do.
    expect(await runRules(true)).toEqual({ tags: 0, manifests: 0, skipped: 0 })

    await atOnce(doomed, 8, ({ push }) => push())
    await expectPulls(doomed)
  }, 600_000)
})

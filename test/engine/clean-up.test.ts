/**
 * The proof of the clean-up: two hundred images for two platforms each, signed, with attachments and a build cache, of
 * which retention removes half, and garbage collection the bytes of that half. Tokens come from the token service and a
 * rule.
 */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../clean-up/retention/limits.ts'
import { runRetention } from '../../clean-up/retention/run.ts'
import { REGISTRY_NAME } from '../../infra/authentik/names.ts'
import { expectGone, KEPT, pullAll, pullCaches, pushAll, pushImages } from './clean-up-images.ts'
import { type PushPath, startPushPath } from './push-path.ts'
import { type RegistryClient, registryClient } from './registry-client.ts'
import { blobFiles, bytesIn, untilHalfWay } from './registry-files.ts'

const REPOSITORIES = ['acme/one', 'acme/two', 'acme/three', 'acme/four']
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

const dataDir = () => join(path.dir, 'registry', 'data')
const bytesStored = () => bytesIn(dataDir())

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

describe('retention and garbage collection', () => {
  it('bring back the room of what goes, and leave all of what stays', async () => {
    const { kept, doomed, caches, doomedBytes } = await pushImages(client, REPOSITORIES)
    const before = await bytesStored()

    // Without `apply` nothing changes.
    const lines: string[] = []
    expect(await runRules(false, 'acme/one', (line) => lines.push(line))).toMatchObject({
      tags: (3 * doomed.length) / 4,
    })
    expect(lines.filter((line) => line.includes(' would delete tag build-'))).toHaveLength(
      doomed.length / REPOSITORIES.length,
    )
    expect(await bytesStored()).toBe(before)

    // Of an image: its own tag, that of its signature and that of its attachments. Manifests: index, two platforms,
    // signature, attachment and their list.
    const expected = { tags: 3 * doomed.length, manifests: 6 * doomed.length, skipped: 0 }
    expect(await runRules(true)).toEqual(expected)

    // A collector that is killed half-way: what stays is there, and pushes are taken.
    const files = blobFiles(
      [dataDir()],
      doomed.flatMap(({ digests }) => digests),
    )
    const collector = path.registry.startCollector()
    const ended = once(collector, 'exit')
    await untilHalfWay(files, () => collector.exitCode !== null)
    collector.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
    const left = files.filter((file) => existsSync(file)).length
    console.info(`the collector was killed when ${files.length - left} of ${files.length} blobs were gone`)
    expect(left).toBeGreaterThan(0)
    await pullAll(client, kept)
    const again = doomed.slice(0, 5)
    await pushAll(again)
    await pullAll(client, again)

    await runRules(true)
    await path.registry.collectGarbage()
    const freed = before - (await bytesStored())
    console.info(`${doomed.length} images removed: ${freed} of ${doomedBytes} bytes came back`)
    expect(freed).toBeGreaterThanOrEqual(0.9 * doomedBytes)

    await pullAll(client, kept)
    await pullCaches(client, caches)
    await expectGone(client, doomed)

    // A second run has nothing to do.
    expect(await runRules(true)).toEqual({ tags: 0, manifests: 0, skipped: 0 })

    await pushAll(doomed)
    await pullAll(client, doomed)
  }, 600_000)
})

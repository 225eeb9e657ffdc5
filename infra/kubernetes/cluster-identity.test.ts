import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  clusterKey,
  DISCOVERY,
  type FakeCluster,
  ISSUER,
  KEYS,
  published,
  startFakeCluster,
} from './cluster-api.fixture.ts'
import { readClusterIdentity } from './cluster-identity.ts'

let cluster: FakeCluster
let folder: string
beforeAll(async () => {
  cluster = await startFakeCluster()
  folder = await mkdtemp(join(tmpdir(), 'cluster-identity-'))
})
beforeEach(() => {
  cluster.answers = published(ISSUER, 'key-1')
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const read = (context?: string, kubeconfig: string | undefined = cluster.kubeconfig) =>
  readClusterIdentity({ kubeconfig, context })

describe('a cluster', () => {
  it('says who signs, to the user of the kubeconfig', async () => {
    expect(await read()).toEqual({ issuer: ISSUER, jwks: { keys: [clusterKey('key-1')] } })
    expect(cluster.asked.sort()).toEqual(
      [DISCOVERY, KEYS].map((path) => `${path} Bearer token-of-the-kubeconfig`).sort(),
    )
  })

  it('is found by the path of a kubeconfig, and by KUBECONFIG', async () => {
    const file = join(folder, 'kubeconfig')
    await writeFile(file, cluster.kubeconfig)
    expect(await read('production', file)).toMatchObject({ issuer: ISSUER })
    vi.stubEnv('KUBECONFIG', file)
    expect(await readClusterIdentity({ kubeconfig: undefined, context: undefined })).toMatchObject({ issuer: ISSUER })
  })

  it.each<[string, () => void, RegExp]>([
    [
      'refuses',
      () => Object.assign(cluster.answers, { [KEYS]: { status: 403, body: '{}' } }),
      /\(403\); bind the Clus/,
    ],
    [
      'has no such page',
      () => delete cluster.answers[DISCOVERY],
      /answers 404 where it should publish issuer and keys/,
    ],
    ['names no issuer', () => Object.assign(cluster.answers, published('')), /does not publish the issuer/],
    ['has no keys', () => Object.assign(cluster.answers, published(ISSUER)), /does not publish the keys/],
    [
      'has too many keys',
      () => Object.assign(cluster.answers, published(ISSUER, ...Array.from({ length: 21 }, (_, at) => `${at}`))),
      /does not publish the keys/,
    ],
    [
      'talks of something else',
      () => Object.assign(cluster.answers, { [DISCOVERY]: { status: 200, body: '<html>' } }),
      /context "production" .*cannot be reached|does not publish the issuer/,
    ],
  ])('that %s is named in one sentence', async (_, change, sentence) => {
    change()
    await expect(read()).rejects.toThrow(sentence)
    await expect(read()).rejects.not.toThrow('token-of-the-kubeconfig')
  })

  it('that is not there is named, with what to look at', async () => {
    const gone = await startFakeCluster()
    await gone[Symbol.asyncDispose]()
    const nowhere = gone.kubeconfig
    await expect(read(undefined, nowhere)).rejects.toThrow(
      /^the cluster of context "production" \(http:\/\/127\.0\.0\.1:\d+\) cannot be reached \(ECONNREFUSED\), so its keys are not known; is kubernetes:context \(or KUBECONFIG\) right\?$/,
    )
  })

  it('that the kubeconfig does not have is named, with those that it has', async () => {
    await expect(read('staging')).rejects.toThrow('the kubeconfig has no context "staging"; it has production.')
  })

  it('is not looked for in what is not a kubeconfig, whose text may be secret', async () => {
    await expect(read(undefined, '{ token: hunter2')).rejects.toThrow(/^the kubeconfig cannot be read \(it is not a/)
    await expect(read(undefined, join(folder, 'gone'))).rejects.toThrow(/^the kubeconfig cannot be read \(ENOENT\)/)
  })
})

/**
 * What a real API server says about tokens of service accounts, to the token service with the rights that the stack
 * gives.
 */
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenReviewRules } from '../../infra/kubernetes/token-review.ts'
import { limits } from '../../service/limits.ts'
import { createTokenReview, type ReviewToken } from '../../service/upstream/token-review.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

const AUDIENCE = 'registry.example.com'
/** The API server remembers for 10 s that a token was good (its TokenSuccessCacheTTL). */
const REMEMBERED_MS = 10_000
/** And a busy machine takes its time. */
const WAIT_MS = REMEMBERED_MS + 30_000

let server: ApiServer
let folder: string
let review: ReviewToken

beforeAll(async () => {
  server = await startApiServer()
  for (const name of ['shop', 'registry']) await server.request('POST', '/api/v1/namespaces', { metadata: { name } })
  await account('registry', 'token-service')
  const metadata = { name: 'token-review' }
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  await server.request('POST', `${rbac}/clusterroles`, { metadata, rules: tokenReviewRules })
  await server.request('POST', `${rbac}/clusterrolebindings`, {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'token-review' },
    subjects: [{ kind: 'ServiceAccount', name: 'token-service', namespace: 'registry' }],
  })
  folder = await mkdtemp(join(tmpdir(), 'token-review-'))
  await copyFile(server.certificate, join(folder, 'ca.crt'))
  await writeFile(join(folder, 'token'), `${await tokenOf('registry', 'token-service')}\n`)
  review = reviewAt(server.url)
  await account('shop', 'app')
  // RBAC takes a moment to be seen.
  await until(async () => (await review(await tokenOf('shop', 'app', AUDIENCE), AUDIENCE)) === true)
})
afterAll(async () => {
  await server?.close()
  if (folder !== undefined) await rm(folder, { recursive: true })
})

const reviewAt = (url: string, { tokenReviewMs = 20_000 } = {}) =>
  createTokenReview({
    cluster: { source: 'cluster', apiServer: new URL(url), folder },
    limits: { ...limits, tokenReviewMs },
    readFile: (path) => readFile(path, 'utf8'),
  })
const account = (namespace: string, name: string) =>
  server.request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } })

async function tokenOf(namespace: string, name: string, audience?: string): Promise<string> {
  const spec = { expirationSeconds: 600, ...(audience && { audiences: [audience] }) }
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`
  const { status } = (await server.request('POST', path, { spec })) as { status: { token: string } }
  return status.token
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + WAIT_MS
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > limit) throw new Error('it did not become so')
    await sleep(200)
  }
}

describe('the API server', () => {
  it('takes a token for our audience, and not for another', async () => {
    const token = await tokenOf('shop', 'app', AUDIENCE)
    expect(await review(token, AUDIENCE)).toBe(true)
    expect(await review(token, 'other.example.com')).toBe(false)
    expect(await review(await tokenOf('shop', 'app'), AUDIENCE)).toBe(false)
  })

  it('does not take what it has not signed', async () => {
    const token = await tokenOf('shop', 'app', AUDIENCE)
    expect(await review(token.split('.').with(2, 'AAAA').join('.'), AUDIENCE)).toBe(false)
    expect(await review('garbage', AUDIENCE)).toBe(false)
  })

  it('no longer takes a copied token of an account that was deleted, nor after another got its name', async () => {
    await account('shop', 'leaver')
    const copied = await tokenOf('shop', 'leaver', AUDIENCE)
    expect(await review(copied, AUDIENCE)).toBe(true)
    await server.request('DELETE', '/api/v1/namespaces/shop/serviceaccounts/leaver')
    await until(async () => !(await review(copied, AUDIENCE)))
    await account('shop', 'leaver')
    expect(await review(await tokenOf('shop', 'leaver', AUDIENCE), AUDIENCE)).toBe(true)
    expect(await review(copied, AUDIENCE)).toBe(false)
  })
})

it('is asked again where the connection breaks, as idle ones do unseen', async () => {
  let broken = 0
  const breaking = createServer((socket) => {
    if (broken++ === 0) return void socket.resetAndDestroy()
    const { hostname, port } = new URL(server.url)
    socket.pipe(connect(Number(port), hostname)).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(breaking, 'listening')
  const { port } = breaking.address() as AddressInfo
  expect(await reviewAt(`https://127.0.0.1:${port}`)(await tokenOf('shop', 'app', AUDIENCE), AUDIENCE)).toBe(true)
  expect(broken).toBe(2)
  breaking.close()
})

it('answers a question about each of a hundred pods that start at once', async () => {
  const tokens = await Promise.all(Array.from({ length: 100 }, () => tokenOf('shop', 'app', AUDIENCE)))
  const ask = reviewAt(server.url)
  expect(new Set(await Promise.all(tokens.map((token) => ask(token, AUDIENCE))))).toEqual(new Set([true]))
})

describe('where it does not say, nothing is granted', () => {
  it('as it has not allowed the service to ask', async () => {
    await account('registry', 'nobody')
    const own = join(folder, 'token')
    const before = await readFile(own, 'utf8')
    await writeFile(own, await tokenOf('registry', 'nobody'))
    const asked = review(await tokenOf('shop', 'app', AUDIENCE), AUDIENCE)
    await expect(asked).rejects.toMatchObject({ reason: 'kubernetes_unavailable', facts: { status: 403 } })
    await writeFile(own, before)
  })

  it('as it does not answer', async () => {
    const token = await tokenOf('shop', 'app', AUDIENCE)
    await expect(reviewAt('https://127.0.0.1:1')(token, AUDIENCE)).rejects.toMatchObject({
      reason: 'kubernetes_unavailable',
      facts: { cause: 'ECONNREFUSED' },
    })
  })

  it('as it takes the connection and says nothing, for as long as it may', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const asked = reviewAt(`https://127.0.0.1:${port}`, { tokenReviewMs: 300 })(
      await tokenOf('shop', 'app', AUDIENCE),
      AUDIENCE,
    )
    await expect(asked).rejects.toMatchObject({
      reason: 'kubernetes_unavailable',
      facts: { cause: 'ETIMEDOUT' },
    })
    silent.close()
  })

  it('as its certificate is not by the authority of the cluster', async () => {
    const ca = join(folder, 'ca.crt')
    const before = await readFile(ca)
    await copyFile(join(import.meta.dirname, '../../infra/authentik/certificate.test.pem'), ca)
    const asked = review(await tokenOf('shop', 'app', AUDIENCE), AUDIENCE)
    await expect(asked).rejects.toMatchObject({ reason: 'kubernetes_unavailable' })
    await writeFile(ca, '')
    const withoutAny = review(await tokenOf('shop', 'app', AUDIENCE), AUDIENCE)
    await expect(withoutAny).rejects.toMatchObject({ facts: { cause: 'no_authority' } })
    await writeFile(ca, before)
  })
})

/**
 * Pods that pull with the token of their service account: the real kubelet, its plug-in, and tokens that get nothing.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppsV1Api, CoreV1Api, type V1Pod } from '@kubernetes/client-node'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { apply, loadKubeconfig } from '../../local/kubernetes/api.ts'
import { findCgroups } from '../../local/kubernetes/cgroups.ts'
import { Daemons } from '../../local/kubernetes/daemons.ts'
import type { Manifest } from '../../local/kubernetes/index.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { restartKubelet } from '../../local/kubernetes/own-cluster.ts'
import { stateDir } from '../../local/paths.ts'
import { DEMO_NAMESPACE } from '../../local/proof/pushed-image.ts'
import { ensureKubernetes } from '../../local/toolchain/index.ts'
import { registry } from './job.ts'
import { npm } from './npm.ts'
import { askAuthentik, askToken, job } from './token-client.ts'

const layout = layoutOf(stateDir)
const config = loadKubeconfig(layout.kubeconfig)
const core = config.makeApiClient(CoreV1Api)
const OWN = 'passwordless-registry'
const STRANGER = 'pod-pull-stranger'
const PULL = ['repository:acme/app:pull']
/** The kubelet and the token service answer within seconds; a busy machine takes longer. */
const SEEN = { timeout: 90_000, interval: 250 }
/** The API server remembers for 10 s that a token was good, the token service for 5 s; and each of its pods does. */
const DELETION_SEEN = { timeout: 30_000, interval: 500 }

const account = (namespace: string, name: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace },
})

/** A token of an account, as the kubelet asks for it. */
async function tokenOf(namespace: string, name: string, audience = registry): Promise<string> {
  const body = { spec: { audiences: [audience], expirationSeconds: 600 } }
  const { status } = await core.createNamespacedServiceAccountToken({ namespace, name, body })
  return status?.token ?? ''
}

/** The image that `npm run up` left running. */
async function pushedImage(): Promise<V1Pod> {
  const labelSelector = 'app.kubernetes.io/name=pushed-image'
  const { items } = await core.listNamespacedPod({ namespace: DEMO_NAMESPACE, labelSelector })
  expect(items).toHaveLength(1)
  return items[0] as V1Pod
}

/** A pod that pulls each time it starts, although the node has the image. */
async function startPod(namespace: string, name: string, serviceAccountName: string): Promise<void> {
  const image = (await pushedImage()).spec?.containers[0]?.image
  const containers = [{ name, image, imagePullPolicy: 'Always' }]
  const spec = { serviceAccountName, terminationGracePeriodSeconds: 0, containers }
  await apply(config, [{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, spec }])
}

const stateOf = async (namespace: string, name: string) =>
  (await core.readNamespacedPod({ namespace, name })).status?.containerStatuses?.[0]?.state

beforeAll(() =>
  apply(config, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: STRANGER } },
    account(STRANGER, 'app'),
    account(DEMO_NAMESPACE, 'app'),
  ]),
)
afterAll(async () => {
  await core.deleteNamespace({ name: STRANGER })
  await core.deleteNamespacedPod({ namespace: DEMO_NAMESPACE, name: 'after-restart' }).catch(() => undefined)
})

describe('a pod', () => {
  it('of a trusted namespace runs the image that CI pushed, and no pull secret is anywhere', async () => {
    const { spec, status } = await pushedImage()
    expect(status?.phase).toBe('Running')
    const image = spec?.containers[0]?.image ?? ''
    expect(image).toMatch(new RegExp(`^${registry}/acme/app@sha256:`))
    expect(status?.containerStatuses?.[0]?.imageID).toBe(image)
    expect(spec?.imagePullSecrets).toBeUndefined()
    const { items } = await core.listSecretForAllNamespaces()
    expect(items.filter(({ type }) => type?.startsWith('kubernetes.io/dockerc'))).toEqual([])
  })

  it('of another namespace is refused, though the image is on the node; audit log and explain say why', async () => {
    await startPod(STRANGER, 'refused', 'app')
    const said = await vi.waitFor(async () => {
      const waiting = (await stateOf(STRANGER, 'refused'))?.waiting
      expect(waiting?.reason).toMatch(/^(ErrImagePull|ImagePullBackOff)$/)
      return waiting?.message ?? ''
    }, SEEN)
    expect(said).toMatch(/401|unauthorized|authorization failed/i)
    const subject = `system:serviceaccount:${STRANGER}:app`
    await vi.waitFor(
      async () =>
        expect(await auditLog()).toMatch(new RegExp(`no_rule_matches.*${subject}|${subject}.*no_rule_matches`)),
      SEEN,
    )

    const folder = await mkdtemp(join(tmpdir(), 'pod-pull-'))
    try {
      const file = join(folder, 'token')
      await writeFile(file, await tokenOf(STRANGER, 'app'), { mode: 0o600 })
      const { code, stdout } = await npm('explain', '--token', file, '--scope', 'repository:acme/app:pull')
      expect(code).toBe(1)
      expect(stdout).toContain(`sub is "${subject}", wanted "system:serviceaccount:${DEMO_NAMESPACE}:*"`)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('still pulls after its node has been restarted', async () => {
    await restartKubelet(layout, await ensureKubernetes(), new Daemons(layout, await findCgroups(layout)))
    await startPod(DEMO_NAMESPACE, 'after-restart', 'app')
    await vi.waitFor(async () => expect(await stateOf(DEMO_NAMESPACE, 'after-restart')).toHaveProperty('running'), SEEN)
  })
})

describe('a token', () => {
  it('of a trusted account pulls, and does not push', async () => {
    const token = await tokenOf(DEMO_NAMESPACE, 'app')
    expect((await askToken(job(token), PULL)).granted).toEqual(PULL)
    expect((await askToken(job(token), ['repository:acme/app:push'])).granted).toEqual([])
    expect((await askAuthentik(token, ['repository:acme/app:push,pull,delete'])).granted).toEqual(PULL)
  })

  it('for each of a hundred pods that start at once: at most one exchange for each pod of the token service', async () => {
    // Another question than any before, so that no answer is remembered.
    const scopes = [`repository:acme/app/${crypto.randomUUID()}:pull`]
    const tokens = await Promise.all(Array.from({ length: 100 }, () => tokenOf(DEMO_NAMESPACE, 'app')))
    expect(new Set(tokens).size).toBe(100)
    const pods = await tokenServicePods()
    const before = await callsOfAll(pods)
    const answers = await Promise.all(tokens.map((token) => askToken(job(token), scopes)))
    expect(answers.map(({ granted }) => granted)).toEqual(tokens.map(() => scopes))
    const calls = (await callsOfAll(pods)) - before
    expect(calls).toBeGreaterThanOrEqual(1)
    expect(calls).toBeLessThanOrEqual(pods.length)
  })

  it('of an account that is then deleted is refused within seconds, and the audit log says why; others still pull', async () => {
    const name = 'leaver'
    await apply(config, [account(DEMO_NAMESPACE, name)])
    const copied = await tokenOf(DEMO_NAMESPACE, name)
    const ask = (token = copied) => askToken(job(token), PULL)
    expect((await ask()).granted).toEqual(PULL)

    await core.deleteNamespacedServiceAccount({ namespace: DEMO_NAMESPACE, name })
    await vi.waitFor(async () => {
      // More often than there are replicas.
      for (const answer of await Promise.all(Array.from({ length: 8 }, () => ask()))) {
        expect(answer).toMatchObject({ status: 401, token: '', granted: [] })
        expect(answer.reason).toMatch(/its service account or its pod was deleted/)
      }
    }, DELETION_SEEN)
    const subject = `system:serviceaccount:${DEMO_NAMESPACE}:${name}`
    await vi.waitFor(async () => {
      const lines = (await auditLog()).split('\n').filter((line) => line.includes(subject))
      expect(lines.some((line) => line.includes('"reason":"kubernetes_refused"'))).toBe(true)
    }, SEEN)

    // An account of the same name is another one.
    await apply(config, [account(DEMO_NAMESPACE, name)])
    expect((await ask(await tokenOf(DEMO_NAMESPACE, name))).granted).toEqual(PULL)
    expect((await ask()).status).toBe(401)
    expect((await ask(await tokenOf(DEMO_NAMESPACE, 'app'))).granted).toEqual(PULL)
    await core.deleteNamespacedServiceAccount({ namespace: DEMO_NAMESPACE, name })
  })

  it.each([
    ['another audience', () => tokenOf(DEMO_NAMESPACE, 'app', 'https://kubernetes.default.svc'), /audience is/],
    ['another namespace', () => tokenOf(STRANGER, 'app'), /no rule of source "cluster" matches sub/],
    ['yesterday', () => signed({ iat: -7200, nbf: -7200, exp: -3600 }), /expired/],
    ['tomorrow', () => signed({ iat: 3600, nbf: 3600, exp: 7200 }), /not valid yet/],
    ['another cluster of the same name', () => signed({ iat: 0, nbf: 0, exp: 600 }, 'foreign'), /signature|key/],
  ])('of %s is refused, by authentik too', async (_, make, reason) => {
    const token = await make()
    const refused = await askToken(job(token), PULL)
    expect(refused).toMatchObject({ status: 401, token: '' })
    expect(refused.reason).toMatch(reason)
    expect((await askAuthentik(token, PULL)).granted).toEqual([])
  })
})

/** A token that the cluster itself would sign: its claims and its key, with other times (seconds from now). */
async function signed(times: { iat: number; nbf: number; exp: number }, by: 'own' | 'foreign' = 'own') {
  const real = await tokenOf(DEMO_NAMESPACE, 'app')
  const own = createPrivateKey(await readFile(join(layout.pki, 'service-accounts.key'), 'utf8'))
  const now = Math.floor(Date.now() / 1000)
  const { alg = '', kid = '' } = decodeProtectedHeader(real)
  const shifted = { iat: now + times.iat, nbf: now + times.nbf, exp: now + times.exp }
  const key = by === 'own' ? own : keyLike(own)
  return new SignJWT({ ...decodeJwt(real), ...shifted }).setProtectedHeader({ alg, kid }).sign(key)
}

/** A key of the same kind, as another cluster has it. */
function keyLike({ asymmetricKeyType: kind }: KeyObject): KeyObject {
  if (kind === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

async function tokenServicePods(): Promise<string[]> {
  const namespace = OWN
  const { spec } = await config.makeApiClient(AppsV1Api).readNamespacedDeployment({ name: 'token-service', namespace })
  const labelSelector = Object.entries(spec?.selector.matchLabels ?? {})
    .map((label) => label.join('='))
    .join(',')
  const { items } = await core.listNamespacedPod({ namespace, labelSelector })
  return items.map(({ metadata }) => metadata?.name ?? '')
}

/** Of all pods of the token service. */
async function auditLog(): Promise<string> {
  const logs = (await tokenServicePods()).map((name) => core.readNamespacedPodLog({ namespace: OWN, name }))
  return (await Promise.all(logs)).join('\n')
}

/** How often these pods have asked authentik for a registry token. */
async function callsOfAll(pods: string[]): Promise<number> {
  const calls = pods.map(async (name) => {
    const pod = { name: `${name}:9002`, namespace: OWN, path: 'metrics' }
    const page = String(await core.connectGetNamespacedPodProxyWithPath(pod))
    const counts = page.matchAll(/^token_service_upstream_calls_total\{[^}]*purpose="registry"[^}]*\} (\d+)$/gm)
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
  })
  return (await Promise.all(calls)).reduce((sum, count) => sum + count, 0)
}

/** Nodes without the plug-in: a pull secret that a job refreshes, and that job's rights. */
import {
  AuthorizationV1Api,
  BatchV1Api,
  CoreV1Api,
  PatchStrategy,
  setHeaderOptions,
  type V1JobSpec,
} from '@kubernetes/client-node'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { apply, loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { DEMO_NAMESPACE } from '../../local/proof/pushed-image.ts'
import { upWith } from './changed-stack.ts'
import { registry } from './job.ts'

const config = loadKubeconfig(layoutOf(stateDir).kubeconfig)
const core = config.makeApiClient(CoreV1Api)
const OWN = 'passwordless-registry'
const SECRET = OWN
const NAMESPACE = 'pull-secret-test'
const REFRESHER = `pull-secret-${NAMESPACE}`
/** A job starts, logs in and writes within seconds; a busy machine takes longer. */
const SEEN = { timeout: 120_000, interval: 250 }

const withSecret = (text: string) => {
  const file = parse(text)
  file.config[`${OWN}:pullSecrets`] = [{ namespace: NAMESPACE, serviceAccounts: ['app'] }]
  return stringify(file)
}

/** The password in the pull secret; empty before the first job has written one. */
async function session(): Promise<string> {
  const { data } = await core.readNamespacedSecret({ namespace: NAMESPACE, name: SECRET })
  const { auths } = JSON.parse(Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString())
  return auths[registry]?.password ?? ''
}

beforeAll(async () => {
  await apply(config, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: NAMESPACE, name: 'app' } },
  ])
  const { code, output } = await upWith(withSecret)
  expect(code, output).toBe(0)
})
afterAll(async () => {
  const { code, output } = await upWith((text) => text)
  expect(code, output).toBe(0)
  await core.deleteNamespace({ name: NAMESPACE })
})

describe('a pull secret', () => {
  it('has a session of hours, which outlives any job that fails to replace it', async () => {
    await vi.waitFor(async () => expect(await session()).not.toBe(''), SEEN)
    const { exp = 0, aud } = decodeJwt(await session())
    expect(aud).toContain('ci-session')
    expect(exp - Date.now() / 1000).toBeGreaterThan(5 * 3600)
  })

  it('is added to the account named, whose pods pull with it', async () => {
    await vi.waitFor(async () => {
      const { imagePullSecrets } = await core.readNamespacedServiceAccount({ namespace: NAMESPACE, name: 'app' })
      expect(imagePullSecrets).toEqual([{ name: SECRET }])
    }, SEEN)
    const labelSelector = 'app.kubernetes.io/name=pushed-image'
    const pushed = await core.listNamespacedPod({ namespace: DEMO_NAMESPACE, labelSelector })
    const image = pushed.items[0]?.spec?.containers[0]?.image
    const containers = [{ name: 'it', image, imagePullPolicy: 'Always' }]
    const spec = { serviceAccountName: 'app', terminationGracePeriodSeconds: 0, containers }
    await apply(config, [{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name: 'it' }, spec }])
    await vi.waitFor(async () => {
      const { status } = await core.readNamespacedPod({ namespace: NAMESPACE, name: 'it' })
      expect(status?.phase, JSON.stringify(status?.containerStatuses?.[0]?.state)).toBe('Running')
    }, SEEN)
  })

  it('is replaced by each run of the job', async () => {
    // The token service gives the same session for a minute; a Secret that somebody spoilt shows that the job writes
    // it.
    const spoilt = { auths: { [registry]: { username: 'JWT', password: 'spoilt' } } }
    const data = { '.dockerconfigjson': Buffer.from(JSON.stringify(spoilt)).toString('base64') }
    await core.patchNamespacedSecret(
      { namespace: NAMESPACE, name: SECRET, body: { data } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    )
    const batch = config.makeApiClient(BatchV1Api)
    const { spec } = await batch.readNamespacedCronJob({ namespace: OWN, name: REFRESHER })
    const metadata = { namespace: OWN, name: `${REFRESHER}-again` }
    await batch.createNamespacedJob({ namespace: OWN, body: { metadata, spec: spec?.jobTemplate.spec as V1JobSpec } })
    await vi.waitFor(async () => expect(await session()).not.toBe('spoilt'), SEEN)
    await batch.deleteNamespacedJob({ ...metadata, propagationPolicy: 'Background' })
  })
})

it.each<[boolean, string, string, string, string]>([
  [true, 'patch', 'secrets', SECRET, NAMESPACE],
  [true, 'patch', 'serviceaccounts', 'app', NAMESPACE],
  [false, 'get', 'secrets', SECRET, NAMESPACE],
  [false, 'list', 'secrets', '', NAMESPACE],
  [false, 'create', 'secrets', '', NAMESPACE],
  [false, 'delete', 'secrets', SECRET, NAMESPACE],
  [false, 'patch', 'secrets', 'another', NAMESPACE],
  [false, 'patch', 'secrets', SECRET, OWN],
  [false, 'patch', 'secrets', SECRET, 'default'],
  [false, 'patch', 'serviceaccounts', 'default', NAMESPACE],
  [false, 'create', 'serviceaccounts/token', 'app', NAMESPACE],
  [false, 'create', 'pods', '', NAMESPACE],
  [false, 'create', 'pods', '', OWN],
  [false, 'get', 'configmaps', 'token-service-trust', OWN],
  [false, '*', '*', '', ''],
])('the job of a pull secret: can-i is %s for %s %s %s in %s', async (allowed, verb, kind, name, namespace) => {
  const [resource = '', subresource = ''] = kind.split('/')
  const resourceAttributes = { verb, resource, subresource, name, namespace }
  const spec = {
    user: `system:serviceaccount:${OWN}:${REFRESHER}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${OWN}`, 'system:authenticated'],
    resourceAttributes,
  }
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
  const { status } = await config.makeApiClient(AuthorizationV1Api).createSubjectAccessReview({ body: review })
  expect(status?.allowed ?? false).toBe(allowed)
})

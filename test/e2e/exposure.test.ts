/** How requests get in, switched on the running stack: to nothing, to a Gateway, and back to Ingresses. */
import { rm } from 'node:fs/promises'
import { CustomObjectsApi, NetworkingV1Api } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage } from '../../local/proof/image.ts'
import { gatewaySettings, makeGateway } from '../gateway/gateway.ts'
import { upWith, withSettings } from './changed-stack.ts'
import { jobToken, registry } from './job.ts'

const namespace = 'passwordless-registry'
/** The ingress controller looks for changes every half second. */
const WAIT = { timeout: 60_000, interval: 500 }

const kubeconfig = loadKubeconfig(layoutOf(stateDir).kubeconfig)
let gateway: AsyncDisposable
let layout: string

beforeAll(async () => {
  layout = await makeImage({ layers: 1, bytes: 50_000 })
  gateway = await makeGateway(kubeconfig)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(layout, { recursive: true, force: true })
})

const namesOf = (items: { metadata?: { name?: string } }[]) => items.map(({ metadata }) => metadata?.name).sort()

async function ingresses() {
  return namesOf((await kubeconfig.makeApiClient(NetworkingV1Api).listNamespacedIngress({ namespace })).items)
}

async function routes() {
  const kind = { group: 'gateway.networking.k8s.io', version: 'v1', plural: 'httproutes' }
  return namesOf(
    (await kubeconfig.makeApiClient(CustomObjectsApi).listNamespacedCustomObject({ ...kind, namespace })).items,
  )
}

async function up(change: (config: string) => string): Promise<void> {
  const { code, output } = await upWith(change)
  expect(code, output).toBe(0)
}

const statusOf = (path: string) => fetch(`http://${registry}${path}`).then(({ status }) => status)

it('none: nothing leads in', async () => {
  await up((config) => withSettings(config, { exposure: 'none' }))
  expect([await ingresses(), await routes()]).toEqual([[], []])
  await vi.waitFor(async () => expect([await statusOf('/token'), await statusOf('/v2/')]).toEqual([404, 404]), WAIT)
})

it('a Gateway that is not there ends the run before it changes anything', async () => {
  const { code, output } = await upWith((config) =>
    withSettings(config, { ...gatewaySettings, gateway: { name: 'missing' } }),
  )
  expect(code).not.toBe(0)
  expect(output).toMatch(/the Gateway that passwordless-registry:gateway names/)
  expect(await routes()).toEqual([])
})

it('gateway: two routes, and no Ingress', async () => {
  await up((config) => withSettings(config, gatewaySettings))
  expect([await ingresses(), await routes()]).toEqual([[], ['registry', 'token-service']])
})

it('ingress: two Ingresses, no routes, and a job pushes', async () => {
  await up((config) => config)
  expect([await ingresses(), await routes()]).toEqual([['registry', 'token-service'], []])
  await vi.waitFor(async () => {
    await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
    const { exitCode, stderr } = await client.push(layout, 'acme/app:exposed')
    expect(exitCode, stderr).toBe(0)
  }, WAIT)
})

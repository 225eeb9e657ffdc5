/** The token service is replaced while jobs push, and no push fails. */
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppsV1Api, CoreV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage } from '../../local/proof/image.ts'
import { jobToken, registry } from './job.ts'
import { askToken, job, newPush, refresh, sessionOf } from './token-client.ts'

const namespace = 'passwordless-registry'
const name = 'token-service'
/** What `kubectl rollout restart` sets. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'
/** Replacing two pods, each of which takes requests for some seconds after its SIGTERM. */
const ROLLOUT = { timeout: 120_000, interval: 250 }
/** Clients at once. More would only show how fast the machine is. */
const ASKERS = 4

const config = loadKubeconfig(layoutOf(stateDir).kubeconfig)
const apps = config.makeApiClient(AppsV1Api)
const core = config.makeApiClient(CoreV1Api)
let layout: string

beforeAll(async () => {
  layout = await makeImage({ layers: 2, bytes: 50_000 })
})
afterAll(() => rm(layout, { recursive: true, force: true }))

async function podNames(): Promise<string[]> {
  const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app.kubernetes.io/name=${name}` })
  return items.map(({ metadata }) => metadata?.name ?? '').toSorted()
}

/** Begins a rollout; `undefined` takes the mark away again, which begins another one. */
function mark(restartedAt: string | undefined): Promise<unknown> {
  const annotations = { [RESTARTED_AT]: restartedAt ?? null }
  const body = { spec: { template: { metadata: { annotations } } } }
  return apps.patchNamespacedDeployment(
    { namespace, name, body },
    setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
  )
}

/** Until only new pods are left, the old ones gone for good. */
async function replaced(before: readonly string[]): Promise<void> {
  await vi.waitFor(async () => {
    const now = await podNames()
    expect(now.filter((pod) => before.includes(pod))).toEqual([])
    const { status } = await apps.readNamespacedDeployment({ namespace, name })
    expect(status?.readyReplicas).toBe(2)
  }, ROLLOUT)
}

/** Does a thing again and again, and gathers what came of it. */
function keepDoing(work: () => Promise<string>) {
  let going = true
  const results: string[] = []
  const done = (async () => {
    while (going) results.push(await work().catch((error: unknown) => String(error)))
  })()
  return {
    stop: async () => {
      going = false
      await done
      return results
    },
  }
}

it('a rolling restart under load fails no login, no session and no push', async () => {
  const jwt = await jobToken('github', 'acme/app')
  const session = await sessionOf(jwt)
  // Each asks for something new, so that authentik is asked and the pod has something under way.
  const askers = Array.from({ length: ASKERS }, (_, index) =>
    keepDoing(async () => {
      const answer = index % 2 === 0 ? await askToken(job(jwt), [newPush()]) : await refresh(session, [newPush()])
      // Two ask with one credential, of which the token service lets 20 a second through to authentik.
      await sleep(100)
      return `${answer.status} ${answer.reason}`
    }),
  )
  await using client = await logIn('crane', registry, jwt)
  let pushes = 0
  const pusher = keepDoing(async () => {
    const { exitCode, stderr } = await client.push(layout, `acme/app/restart:${pushes++}`)
    return exitCode === 0 ? 'pushed' : stderr
  })

  const restartedAt = new Date().toISOString()
  for (const value of [restartedAt, undefined]) {
    const before = await podNames()
    await mark(value)
    await replaced(before)
  }

  const [pushed, ...answers] = await Promise.all([pusher.stop(), ...askers.map((asker) => asker.stop())])
  expect(new Set(pushed)).toEqual(new Set(['pushed']))
  expect(pushed.length).toBeGreaterThan(5)
  expect(answers.flat().filter((answer) => answer !== '200 ')).toEqual([])
  expect(answers.flat().length).toBeGreaterThan(50)
})

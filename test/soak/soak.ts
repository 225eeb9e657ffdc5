/** Clients push and pull at the running world while one of the scenarios happens to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { registry } from '../e2e/job.ts'
import { nameOf, repository, startClients } from './pushers.ts'
import { report, type Verdict } from './report.ts'
import { runSteps, type ScenarioName, scenarios } from './scenarios.ts'
import { startTraffic, type Transfer } from './traffic.ts'
import { workloadsOf } from './workloads.ts'

const MANIFESTS = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json']
/** An answer of the world after all is over. */
const LAST_LOOK_MS = 30_000
const SETTLE_MS = 2_000

/** Whether the registry answers, with whatever status but that of a way in without anything behind it. */
async function answers(limitMs: number): Promise<boolean> {
  try {
    const response = await fetch(`http://${registry}/v2/`, { signal: AbortSignal.timeout(limitMs) })
    await response.body?.cancel()
    return response.status === 401
  } catch {
    return false
  }
}

/** The digest of each pushed tag that the registry has now. */
async function digestsNow(session: string, transfers: readonly Transfer[]): Promise<Map<string, string>> {
  const query = new URLSearchParams({ service: 'docker-registry', scope: `repository:${repository}:pull` })
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: session, client_id: 'soak' })
  for (const [name, value] of query) body.set(name, value)
  const limit = { signal: AbortSignal.timeout(LAST_LOOK_MS) }
  const given = await fetch(`http://${registry}/token`, { method: 'POST', body, ...limit })
  const { access_token, token } = (await given.json()) as { access_token?: string; token?: string }
  const headers = { authorization: `Bearer ${access_token ?? token}`, accept: MANIFESTS.join(', ') }
  const digests = new Map<string, string>()
  for (const { tag } of transfers.filter(({ what, digest }) => what === 'push' && digest !== undefined)) {
    const path = nameOf(tag).replace(':', '/manifests/')
    const found = await fetch(`http://${registry}/v2/${path}`, {
      method: 'HEAD',
      headers,
      signal: AbortSignal.timeout(LAST_LOOK_MS),
    })
    digests.set(tag, found.headers.get('docker-content-digest') ?? String(found.status))
  }
  return digests
}

/**
 * @param pushes how many at least; more if the scenario takes longer
 * @throws Error if the scenario itself could not be carried out
 */
export async function soak(name: ScenarioName, pushes: number, say: (line: string) => void): Promise<Verdict> {
  const workloads = workloadsOf(loadKubeconfig(layoutOf(stateDir).kubeconfig))
  await using clients = await startClients()
  const traffic = startTraffic(clients, answers, say)
  const events = await runSteps(scenarios[name](workloads), traffic.now, say).finally(() => traffic.finish(pushes))
  await sleep(SETTLE_MS)
  return report(traffic, events, await digestsNow(clients.session, traffic.transfers))
}

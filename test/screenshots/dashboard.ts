/**
 * What `npm run screenshots -- dashboard` runs: a real token service, registry and Prometheus as processes, with
 * authentik's stand-in, on which jobs push and pull for two minutes; and the picture of it.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { it } from 'vitest'
import { storageDriver } from '../../infra/kubernetes/storage-driver.ts'
import { freePort } from '../engine/api-server.ts'
import { startPushPath } from '../engine/push-path.ts'
import { eventsBundle, startEventsUrl } from '../events-process.ts'
import { startPrometheus } from '../monitoring/prometheus.ts'
import { traffic } from '../monitoring/traffic.ts'
import { LOOK_SECONDS, pictureBoard } from './board.ts'

/** Of jobs that push and pull while Prometheus looks. */
const SHOWN_SECONDS = 120

it('draws the dashboard into docs/pictures', async () => {
  await using cleanUp = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'monitoring-'))
  cleanUp.defer(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'data'))
  const metrics = `127.0.0.1:${await freePort()}`
  const env = { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder, 'data'), REGISTRY_HTTP_DEBUG_ADDR: metrics }
  const rules = [{ github: { owners: [{ name: 'acme', id: '501' }] } }]
  await using bundle = await eventsBundle()
  await using url = await startEventsUrl()
  await using events = await bundle.start({ EVENTS_URL: url.url })
  await using path = await startPushPath(rules, 2_000, { driver: storageDriver({}), env }, events.port)
  await using prometheus = await startPrometheus({
    everySeconds: LOOK_SECONDS,
    targets: [
      {
        name: 'token-service',
        pod: 'token-service',
        portName: 'metrics',
        address: new URL(path.service.metricsUrl).host,
      },
      { name: 'registry', pod: 'registry', portName: 'metrics', address: metrics },
    ],
  })
  const ask = async (repository: string | undefined, scope = '') => {
    const headers: Record<string, string> = {}
    if (repository !== undefined) {
      const { username, password } = await path.login({ repository, ref: 'refs/heads/main' })
      headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    }
    const answer = await fetch(`${path.service.url}/token?service=docker-registry${scope}`, { headers })
    return (await answer.json()) as { token: string }
  }
  await sleep(2 * LOOK_SECONDS * 1000)
  const start = Math.floor(Date.now() / 1000)
  await traffic(
    {
      registry: path.host,
      tokenOf: async (name) => (await ask(name, `&scope=repository:${name}:pull,push`)).token,
      stranger: () => ask('stranger/app'),
      anonymous: () => ask(undefined),
    },
    SHOWN_SECONDS,
  )
  await pictureBoard(join(import.meta.dirname, '../../docs/pictures/dashboard.png'), prometheus, {
    start,
    end: start + SHOWN_SECONDS,
  })
})

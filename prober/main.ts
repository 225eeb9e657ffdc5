/**
 * A prober in the cluster: it repeatedly does what a CI job does, as the service account of its pod, and says on
 * `/metrics` how that went. The one with a rule must succeed, the one without must be refused.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { environment, type Target } from './environment.ts'
import { OWNER_SECONDS, STRANGER_SECONDS } from './measured.ts'
import { createProberMetrics } from './metrics.ts'
import { probeAsOwner } from './owner.ts'
import { PAUSED, type ProbeResult } from './probe.ts'
import { probeAsStranger } from './stranger.ts'

const env = environment.parse(process.env)
const target: Target = {
  url: `${env.REGISTRY_URL}/v2/${env.REPOSITORY}`,
  repository: env.REPOSITORY,
  tokenService: { realm: env.TOKEN_URL, service: env.CLIENT_ID },
  readToken: async () => (await readFile(env.CI_TOKEN_FILE, 'utf8')).trim(),
}
const isOwner = env.PROBER === 'owner'
const pauseMs = (isOwner ? OWNER_SECONDS : STRANGER_SECONDS) * 1000
const metrics = createProberMetrics(isOwner ? ['push', 'pull', 'delete'] : ['stranger'])
const print = (line: string) => void process.stdout.write(`${new Date().toISOString()} ${line}\n`)

async function run(): Promise<readonly ProbeResult[] | typeof PAUSED> {
  if (isOwner) return probeAsOwner(target)
  const { results, admitted } = await probeAsStranger(target)
  metrics.stranger(admitted)
  return results
}

const server = createServer(async (request, response) => {
  if (request.url === '/metrics') {
    response.setHeader('content-type', metrics.contentType)
    response.end(await metrics.page())
  } else response.writeHead(request.url === '/live' ? 204 : 404).end()
})
server.listen(env.METRICS_PORT)

const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.abort())
let told = ''
while (!stop.signal.aborted) {
  const results = await run()
  metrics.record(results, Date.now())
  const line =
    results === PAUSED
      ? 'paused: the registry is being cleaned up'
      : results.map(({ probe, ok, problem }) => `${probe} ${ok ? 'ok' : `failed: ${problem}`}`).join('; ')
  // A line when something changes, not one a minute.
  if (line !== told) print(line)
  told = line
  await wait(pauseMs, undefined, { signal: stop.signal }).catch(() => {})
}
server.close()
server.closeAllConnections()

/**
 * The process beside the registry that makes events of its notifications. Standard output is the stream, and nothing
 * else.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { drain } from '../service/http/drain.ts'
import { createLog, lineWriter } from '../service/operations/log.ts'
import { Secret } from '../service/secret.ts'
import { proxiesFrom } from '../service/upstream/proxies.ts'
import { environment } from './environment.ts'
import { createForward } from './forward.ts'
import { type Limits, limits as usual } from './limits.ts'
import { createReceiver } from './receiver.ts'

/** Only the registry, in the same pod, gets here. */
const HOST = '127.0.0.1'

/** Runs until SIGTERM or SIGINT; then the process ends with 0. */
export async function run(limits: Limits = usual): Promise<void> {
  const log = createLog('info', lineWriter(2))
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'stopped by an error that nothing handled')
    process.exit(1)
  })
  const read = environment.safeParse(process.env)
  if (!read.success) {
    // Values are not repeated: the URL may contain a secret.
    const mistakes = read.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
    log.fatal({ mistakes }, 'cannot start: the environment is wrong')
    process.exit(1)
  }
  const { REGISTRY_URL, PORT, SOURCES, EVENTS_URL, EVENTS_TOKEN, ...proxies } = read.data
  const stream = lineWriter(1)
  const server = createReceiver({
    registryUrl: REGISTRY_URL,
    sources: SOURCES,
    write: (event) => void stream.write(`${JSON.stringify(event)}\n`),
    forward: EVENTS_URL
      ? createForward(
          {
            url: new URL(EVENTS_URL),
            token: EVENTS_TOKEN ? new Secret(EVENTS_TOKEN) : undefined,
            proxies: proxiesFrom(proxies),
          },
          limits,
        )
      : undefined,
    limits,
    log,
    now: Date.now,
  })
  const heard = new AbortController()
  const stop = Promise.race(['SIGTERM', 'SIGINT'].map((signal) => once(process, signal, { signal: heard.signal })))
  server.listen(PORT, HOST)
  await once(server, 'listening')
  log.info({ port: (server.address() as AddressInfo).port, forwards: EVENTS_URL !== undefined }, 'listening')
  await stop
  heard.abort()
  await drain(server, limits.drainMs)
  log.info('stopped')
}

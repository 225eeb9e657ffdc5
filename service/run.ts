/** The process: settings from the environment, signals, exit codes. Everything else gets its effects from here. */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { assemble } from './assembly.ts'
import { type Config, ConfigError, type Listen, readConfig } from './config.ts'
import { ConfiguredFileError } from './configured-file.ts'
import { noCleanUp, watchCleanUp } from './decision/clean-up.ts'
import { readIssuerKeys } from './decision/issuer-keys.ts'
import { openTrustFile } from './decision/trust-file.ts'
import { drain } from './http/drain.ts'
import { type Limits, limits } from './limits.ts'
import { createAudit } from './operations/audit.ts'
import { createLog, type Log, lineWriter, turnWriter } from './operations/log.ts'
import { createMetrics } from './operations/metrics.ts'
import { openTracing } from './operations/tracing.ts'

/**
 * Runs the token service until SIGTERM or SIGINT; then the process ends with 0. With a wrong environment it says on
 * standard error everything that is wrong, and ends with 1.
 * @param usual the limits, where the environment sets none
 */
export async function run(usual: Limits = limits): Promise<void> {
  const config = configOrExit(usual)
  const bounds = config.limits
  const [log, audit] = [createLog(config.logLevel, lineWriter(2)), createAudit(turnWriter(lineWriter(1)))]
  for (const warning of config.warnings) log.warn(warning)
  // Node would print the error with all its properties, among them what clients sent.
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'stopped by an error that nothing handled')
    process.exit(1)
  })

  const metrics = createMetrics()
  const tracing = await openTracing(process.env, log, bounds, config.proxies)
  const trust = await fileOrExit(config.trustFile, (path) => openTrustFile(path, bounds, log, metrics.reload))
  const issuerKeys = await fileOrExit(config.issuerKeysFile, readIssuerKeys)
  const cleanUp =
    config.cleanUpFile === undefined ? noCleanUp : await watchCleanUp(config.cleanUpFile, limits, log, Date.now)
  const service = assemble({
    config,
    log,
    audit,
    metrics,
    tracing,
    policy: () => trust?.policy(),
    rulesRejected: () => trust?.rejected() ?? false,
    cleanUpUntilMs: cleanUp.untilMs,
    issuerKeys,
    secret: randomBytes(32),
    readFile: (path) => readFile(path, 'utf8'),
    newRequestId: randomUUID,
    now: () => performance.now(),
    wallClock: Date.now,
  })

  const stop = stopSignal()
  const port = await listenOrExit(service.server, config.listen, log)
  await listenForOperations(service.operations, config, port, log)
  log.info({ port, tokenUrl: config.tokenUrl.origin + config.tokenUrl.pathname }, 'listening')

  await stop
  log.info('draining')
  service.readiness.drain()
  await sleep(bounds.lameDuckMs)
  const finished = await drain(service.server, bounds.drainMs)
  if (!finished) log.warn({ graceMs: bounds.drainMs }, 'cut off what was still under way')
  service.operations.close()
  service.operations.closeAllConnections()
  trust?.close()
  cleanUp.close()
  await tracing.close()
  service.close()
  log.info('stopped')
}

/** Waits for the first signal to stop; a second one then has the system's own effect and ends the process at once. */
async function stopSignal(): Promise<void> {
  const heard = new AbortController()
  const { signal } = heard
  await Promise.race([once(process, 'SIGTERM', { signal }), once(process, 'SIGINT', { signal })])
  heard.abort()
}

/** @returns the port, which the system chooses for 0 */
async function listenOrExit(server: Server, listen: Listen, log: Log): Promise<number> {
  server.listen(listen)
  try {
    await once(server, 'listening')
  } catch (err) {
    log.fatal(
      { err, ...listen },
      'cannot listen: another process has this port, or LISTEN names an address that this machine does not have',
    )
    process.exit(1)
  }
  return (server.address() as AddressInfo).port
}

/** The port after the first one. If it is taken, there are no metrics, but still tokens. */
async function listenForOperations(server: Server, { listen }: Config, port: number, log: Log): Promise<void> {
  const at = { ...listen, port: listen.port === 0 ? 0 : port + 1 }
  try {
    server.listen(at) // throws where there is no port after the last one
    await once(server, 'listening')
  } catch {
    log.warn({ ...at }, 'there are no metrics: the port after that of LISTEN is taken, or does not exist')
    return
  }
  log.info({ metricsPort: (server.address() as AddressInfo).port }, 'metrics')
}

function configOrExit(usual: Limits): Config {
  try {
    return readConfig(process.env, usual)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}:\n${error.mistakes.map((mistake) => `  ${mistake}\n`).join('')}`)
    process.exit(1)
  }
}

async function fileOrExit<Value>(path: string | undefined, open: (path: string) => Promise<Value>) {
  if (path === undefined) return undefined
  try {
    return await open(path)
  } catch (error) {
    if (!(error instanceof ConfiguredFileError)) throw error
    process.stderr.write(`The token service cannot start: ${error.message}\n`)
    process.exit(1)
  }
}

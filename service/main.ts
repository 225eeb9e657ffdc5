/** The process: settings from the environment, signals, exit codes. Everything else gets its effects from here. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { type Config, ConfigError, readConfig } from './config.ts'
import { createAdvice } from './decision/advice.ts'
import { createDisagreementReport } from './decision/disagreement.ts'
import { refuseEarly } from './decision/early-refusal.ts'
import { explainRefusedPush } from './decision/refused-push.ts'
import { openTrustFile, type TrustFile, TrustFileError } from './decision/trust-file.ts'
import { drain } from './http/drain.ts'
import { createTokenServer } from './http/server.ts'
import { type Limits, limits as productionLimits } from './limits.ts'
import { createLog, type Log } from './operations/log.ts'
import { createTokenEndpoint } from './token.ts'
import { createExchange, type Exchange } from './upstream/exchange.ts'
import { createConnections } from './upstream/pool.ts'
import { createPostForm } from './upstream/post-form.ts'

/**
 * Runs the token service until SIGTERM or SIGINT; then the process ends with 0. With a wrong environment it says on
 * standard error what is wrong, all of it, and ends with 1.
 * @param limits other bounds than the usual ones, for tests that cannot wait
 */
export async function run(limits: Limits = productionLimits): Promise<void> {
  const config = configOrExit()
  const log = createLog(config.logLevel)
  for (const warning of config.warnings) log.warn(warning)
  // Node would print the error with all its properties, among them what clients sent.
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'stopped by an error that nothing handled')
    process.exit(1)
  })

  const connections = createConnections(config.tokenUrl.origin, limits)
  const trust = await trustFileOrExit(config.trustFile, limits, log)
  const advice = createAdvice(() => trust?.policy(), Date.now)
  const report = createDisagreementReport(log)
  const now = () => performance.now()
  const post = createPostForm(config.tokenUrl, connections, limits)
  const checked = (exchange: Exchange) => refuseEarly(exchange, { advice, report, limits, now })
  const registryExchange = checked(createExchange(config, post, Date.now))

  const token = createTokenEndpoint({
    config,
    limits,
    exchange: config.explainRefusedPush ? explainRefusedPush(registryExchange, { advice, report }) : registryExchange,
    openSession: config.session && checked(createExchange(config.session, post, Date.now)),
    readFile: (path) => readFile(path, 'utf8'),
  })
  const server = createTokenServer({ token, limits, log, newRequestId: randomUUID, now })

  server.listen(config.listen)
  try {
    await once(server, 'listening')
  } catch (err) {
    log.fatal({ err, ...config.listen }, 'cannot listen: another process has this port, or LISTEN names no own address')
    process.exit(1)
  }
  log.info(
    { port: (server.address() as AddressInfo).port, tokenUrl: config.tokenUrl.origin + config.tokenUrl.pathname },
    'listening',
  )

  await stopSignal()
  log.info('draining')
  const finished = await drain(server, limits.drainMs)
  if (!finished) log.warn({ graceMs: limits.drainMs }, 'cut off what was still under way')
  trust?.close()
  await connections.destroy()
  log.info('stopped')
}

/** Waits for the first signal to stop; a second one then has the system's own effect and ends the process at once. */
async function stopSignal(): Promise<void> {
  const heard = new AbortController()
  const { signal } = heard
  await Promise.race([once(process, 'SIGTERM', { signal }), once(process, 'SIGINT', { signal })])
  heard.abort()
}

function configOrExit(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}:\n${error.mistakes.map((mistake) => `  ${mistake}\n`).join('')}`)
    process.exit(1)
  }
}

async function trustFileOrExit(path: string | undefined, limits: Limits, log: Log): Promise<TrustFile | undefined> {
  if (path === undefined) return undefined
  try {
    return await openTrustFile(path, limits, log)
  } catch (error) {
    if (!(error instanceof TrustFileError)) throw error
    process.stderr.write(`The token service cannot start: ${error.message}\n`)
    process.exit(1)
  }
}

if (import.meta.main) await run()

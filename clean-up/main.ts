/**
 * The clean-up's own processes, each in a container of one pod: `hold` keeps pushes away, `retain` applies the rules of
 * retention; the registry's own program then collects the garbage.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { holdEnvironment, retentionEnvironment } from './environment.ts'
import { limits } from './retention/limits.ts'
import { runRetention } from './retention/run.ts'
import { hold } from './window/hold.ts'
import { kubernetesConfigMap } from './window/kubernetes-config-map.ts'
import { addressesOf, notYetTold } from './window/token-services.ts'

const minutes = 60_000
const print = (line: string) => void process.stdout.write(`${new Date().toISOString()} ${line}\n`)

async function runHold(): Promise<void> {
  const env = holdEnvironment.parse(process.env)
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.abort())
  const ready = createServer((_, response) => response.end())
  const read = (name: string) => readFile(join(env.ACCOUNT_DIR, name), 'utf8')
  const host = env.KUBERNETES_SERVICE_HOST
  try {
    await hold({
      store: kubernetesConfigMap({
        apiUrl: `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT}`,
        namespace: (await read('namespace')).trim(),
        name: env.CONFIG_MAP,
        readToken: () => read('token'),
        fetch,
      }),
      by: env.POD_NAME,
      windowMs: env.WINDOW_MINUTES * minutes,
      tokenMs: env.TOKEN_MINUTES * minutes,
      addresses: () => addressesOf(env.TOKEN_SERVICES),
      notYetTold: (addresses, untilMs) => notYetTold(addresses, { port: env.METRICS_PORT, untilMs }),
      ready: () => void ready.listen(env.READY_PORT),
      stopped: stop.signal,
      now: Date.now,
      sleep: (ms, signal) => wait(ms, undefined, { signal }),
      print,
    })
  } catch (error) {
    if (!stop.signal.aborted) throw error
  } finally {
    ready.close()
    ready.closeAllConnections()
  }
}

async function runRetain(): Promise<void> {
  const env = retentionEnvironment.parse(process.env)
  await runRetention({
    access: {
      registryUrl: env.REGISTRY_URL,
      tokenUrl: env.TOKEN_URL,
      service: env.CLIENT_ID,
      readToken: () => readFile(env.CI_TOKEN_FILE, 'utf8'),
      limits,
      fetch,
      now: Date.now,
    },
    retention: env.RETENTION,
    print,
  })
}

const commands = new Map([
  ['hold', runHold],
  ['retain', runRetain],
])
const [command = ''] = process.argv.slice(2)
try {
  await (commands.get(command) ?? (() => Promise.reject(new Error(`there is no command "${command}"`))))()
} catch (error) {
  print(`failed: ${error instanceof Error ? error.message : 'for an unknown reason'}`)
  process.exitCode = 1
}

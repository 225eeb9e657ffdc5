/** distribution as a process of its own, with the configuration that the stack gives it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { STREAM_PATH, URL_PATH } from '../../events/paths.ts'
import { type RegistryConfig, registryConfig } from '../../infra/kubernetes/registry-config.ts'
import { type StorageDriver, storageDriver } from '../../infra/kubernetes/storage-driver.ts'
import { ensureTool } from '../../local/toolchain/index.ts'

/** Where a registry keeps its images, and the variables by which it gets there. */
export interface RegistryStorage {
  driver: Pick<StorageDriver, 'driver' | 'redirect' | 'isShared'>
  env: Record<string, string>
}

/** As on a volume. */
const inFolder = (dir: string): RegistryStorage => ({
  driver: storageDriver({}),
  env: { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(dir, 'data') },
})

/** A running registry. */
export interface RegistryProcess {
  /** `127.0.0.1:<port>` */
  host: string
  /** `registry garbage-collect` beside the running server, as in its pod. Answers what it says. */
  collectGarbage(): Promise<string>
  /** Begins it. */
  startCollector(): ChildProcess
  /** The command that started it. */
  command: readonly string[]
  /** Its exit code, once it has ended. */
  ended: Promise<number | null>
  /** What it has written so far. */
  output(): string
  /** Begins to end it, as Kubernetes does. */
  terminate(): void
  /** Ends it at once, as a node that fails does, and waits. */
  kill(): Promise<void>
  /** Ends it, and waits. */
  close(): Promise<void>
}

/**
 * Starts a registry on a free port of the loopback interface.
 * @param dir a folder of its own, for configuration and data
 * @param eventsPort where the program listens that makes events, if there are any
 */
export async function startRegistry(
  dir: string,
  config: Omit<RegistryConfig, 'storage'>,
  trusted: { certificate: string; jwks: string },
  storage: RegistryStorage = inFolder(dir),
  eventsPort?: number,
): Promise<RegistryProcess> {
  const paths = {
    config: join(dir, 'config.yml'),
    certificate: join(dir, 'certificate.pem'),
    jwks: join(dir, 'jwks.json'),
  }
  await mkdir(join(dir, 'data'), { recursive: true })
  await writeFile(paths.config, registryConfig({ ...config, storage: storage.driver }))
  await writeFile(paths.certificate, trusted.certificate)
  await writeFile(paths.jwks, trusted.jwks)
  // What differs from a pod: where files are, and who can reach it.
  return serve(paths.config, {
    ...storage.env,
    ...eventsAt(eventsPort, config.events),
    REGISTRY_AUTH_TOKEN_JWKS: paths.jwks,
    REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE: paths.certificate,
  })
}

/** Ports of the stack may be taken on this machine. */
function eventsAt(port: number | undefined, events: RegistryConfig['events']): Record<string, string> {
  if (port === undefined) return {}
  const paths = events === 'url' ? [STREAM_PATH, URL_PATH] : [STREAM_PATH]
  const variables = paths.map((path, index) => [
    `REGISTRY_NOTIFICATIONS_ENDPOINTS_${index}_URL`,
    `http://127.0.0.1:${port}${path}`,
  ])
  return Object.fromEntries(variables)
}

/** The configuration that the stack gives it for a volume, without authentication. */
function bareConfig(events?: RegistryConfig['events']): string {
  const { auth: _, ...config } = parse(
    registryConfig({ realm: '', service: '', issuer: '', storage: storageDriver({}), events }),
  )
  return stringify(config)
}

/**
 * Starts the same without authentication: what distribution does on its own.
 * @param dir a folder of its own, for configuration and data
 */
export async function startBareRegistry(dir: string, eventsPort?: number): Promise<RegistryProcess> {
  const events = eventsPort === undefined ? undefined : 'stream'
  const file = join(dir, 'config.yml')
  await mkdir(join(dir, 'data'), { recursive: true })
  await writeFile(file, bareConfig(events))
  return serve(file, { ...inFolder(dir).env, ...eventsAt(eventsPort, events) })
}

/** Starts distribution with a configuration file, on a free port. */
export async function serve(config: string, more: Record<string, string>): Promise<RegistryProcess> {
  const registry = await ensureTool('registry')
  const env = {
    REGISTRY_HTTP_ADDR: '127.0.0.1:0',
    REGISTRY_HTTP_DEBUG_ADDR: '127.0.0.1:0',
    REGISTRY_HTTP_SECRET: randomBytes(16).toString('hex'),
    OTEL_TRACES_EXPORTER: 'none',
    ...more,
  }
  const child = spawn(registry, ['serve', config], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  const ended = exited.then(([code]) => code as number | null)
  const { promise: host, resolve, reject } = Promise.withResolvers<string>()
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      output += piece
      const listening = /listening on (127\.0\.0\.1:\d+)/.exec(output)?.[1]
      if (listening) resolve(listening)
    })
  }
  ended.then((code) => reject(new Error(`the registry ended with ${code} before it listened:\n${output}`)))
  return {
    host: await host,
    command: [registry, 'serve', config],
    ended,
    collectGarbage: async () => {
      const { stdout } = await promisify(execFile)(registry, ['garbage-collect', config], { env })
      return stdout
    },
    output: () => output,
    startCollector: () => spawn(registry, ['garbage-collect', '--quiet', config], { env, stdio: 'ignore' }),
    terminate: () => void child.kill('SIGTERM'),
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    close: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

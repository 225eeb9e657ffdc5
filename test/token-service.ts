/** The bundled token service as a process of its own, as a pod would run it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { inject } from 'vitest'
import { bundleFileName, nodeOptions } from '../service/bundle.ts'
import type { Limits } from '../service/limits.ts'

/** A running token service. */
export interface TokenServiceProcess {
  /** `http://<address>:<port>`; the address is the one that LISTEN names, or 127.0.0.1 */
  url: string
  /** The same for the second port. */
  metricsUrl: string
  /** Everything it has written so far, both streams. */
  output(): string
  /** The lines of the audit log so far, parsed. */
  audit(): Record<string, unknown>[]
  signal(name: NodeJS.Signals): void
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals | null>
  /** Ends it, if it still runs, and waits for the end. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Runs the bundle as processes of one test file. */
export interface BundleDir {
  start(env: Record<string, string>, limits?: Partial<Limits>): Promise<TokenServiceProcess>
  /** Runs it to its end, for an environment with which it does not start. */
  run(env: Record<string, string>): Promise<{ code: number | NodeJS.Signals | null; output: string }>
}

/** The bundle of this run of the tests. */
export function bundleDir(): BundleDir {
  const dir = inject('serviceBundle')
  const begin = (env: Record<string, string>, limits: Partial<Limits> = {}) => {
    return watch(
      spawn(process.execPath, [...nodeOptions, join(dir, bundleFileName), JSON.stringify(limits)], {
        env: { LISTEN: '127.0.0.1:0', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
  }
  return {
    async start(env, limits) {
      const service = begin(env, limits)
      const port = await service.port
      const metricsPort = /"metricsPort":(\d+)/.exec(service.output())?.[1]
      const host = env.LISTEN?.replace(/:\d+$/, '') ?? '127.0.0.1'
      return { ...service, url: `http://${host}:${port}`, metricsUrl: `http://${host}:${metricsPort}` }
    },
    async run(env) {
      const service = begin(env)
      service.port.catch(() => {})
      return { code: await service.exited, output: service.output() }
    },
  }
}

function watch(child: ChildProcess) {
  let output = ''
  let audit = ''
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    audit += piece
  })
  const { promise: port, resolve, reject } = Promise.withResolvers<number>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      output += piece
      const listening = /"port":(\d+).*"msg":"listening"/.exec(output)
      if (listening) resolve(Number(listening[1]))
    })
  }
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal)
  exited.then((code) => reject(new Error(`the token service ended with ${code} before it listened:\n${output}`)))
  return {
    port,
    output: () => output,
    audit: () => linesOf(audit),
    exited,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

function linesOf(text: string): Record<string, unknown>[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
}

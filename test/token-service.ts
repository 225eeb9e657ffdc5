/** The bundled token service as a process of its own, as a pod would run it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleFileName, bundleService } from '../service/bundle.ts'
import { type Limits, limits as usualLimits } from '../service/limits.ts'

/** A running token service. */
export interface TokenServiceProcess {
  /** `http://127.0.0.1:<port>` */
  url: string
  /** Everything it has written so far, both streams. */
  output(): string
  signal(name: NodeJS.Signals): void
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals | null>
  /** Ends it, if it still runs, and waits for the end. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Where the bundle lies for the processes of one test file. */
export interface BundleDir {
  start(env: Record<string, string>, limits?: Partial<Limits>): Promise<TokenServiceProcess>
  /** Runs it to its end, for an environment with which it does not start. */
  run(env: Record<string, string>): Promise<{ code: number | NodeJS.Signals | null; output: string }>
  [Symbol.asyncDispose](): Promise<void>
}

/** Bundles the token service into a folder of its own. */
export async function bundleDir(): Promise<BundleDir> {
  const dir = await mkdtemp(join(tmpdir(), 'token-service-'))
  await writeFile(join(dir, bundleFileName), await bundleService())
  // The same bundle, begun with other limits than the usual ones.
  const withLimits = `import { run } from './${bundleFileName}'\nawait run(JSON.parse(process.argv[2]))\n`
  await writeFile(join(dir, 'with-limits.mjs'), withLimits)

  const begin = (env: Record<string, string>, limits?: Partial<Limits>) => {
    const args = limits
      ? [join(dir, 'with-limits.mjs'), JSON.stringify({ ...usualLimits, ...limits })]
      : [join(dir, bundleFileName)]
    return watch(
      spawn(process.execPath, args, { env: { LISTEN: '127.0.0.1:0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] }),
    )
  }
  return {
    async start(env, limits) {
      const service = begin(env, limits)
      return { ...service, url: `http://127.0.0.1:${await service.port}` }
    },
    async run(env) {
      const service = begin(env)
      service.port.catch(() => {})
      return { code: await service.exited, output: service.output() }
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  }
}

function watch(child: ChildProcess) {
  let output = ''
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
    exited,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

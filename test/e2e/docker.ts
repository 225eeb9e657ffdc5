/** A real Docker engine and client, with folders of their own; nothing of the machine's own Docker is touched. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { $, type ProcessOutput } from 'zx'

/** Seconds until the engine answers, and for one command. */
const START_LIMIT_SECONDS = 30
const COMMAND_LIMIT_SECONDS = 120

export interface Docker {
  /** Address of the engine's socket, as clients take it. */
  host: string
  /** Folder of the client's own config, `DOCKER_CONFIG`. */
  config: string
  /** Runs the docker client; `input` goes to its standard input. */
  run(args: string[], input?: string): Promise<ProcessOutput>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts an engine that runs no containers: it only loads, pushes and pulls. */
export async function startDocker(): Promise<Docker> {
  const dir = await mkdtemp(join(tmpdir(), 'docker-'))
  const host = `unix://${dir}/docker.sock`
  const config = join(dir, 'config')
  const log = await open(join(dir, 'log'), 'w')
  // Not the machine's own /etc/docker/daemon.json.
  await writeFile(join(dir, 'daemon.json'), '{}')
  const folders = [`--data-root=${dir}/data`, `--exec-root=${dir}/exec`, `--pidfile=${dir}/pid`]
  const daemon = spawn(
    'dockerd',
    [`--host=${host}`, ...folders, `--config-file=${dir}/daemon.json`, '--iptables=false', '--bridge=none'],
    { stdio: ['ignore', log.fd, log.fd] },
  )
  const ended = once(daemon, 'exit')
  const run = (args: string[], input = '') =>
    $({
      input,
      quiet: true,
      nothrow: true,
      timeout: `${COMMAND_LIMIT_SECONDS}s`,
      env: { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: config },
    })`docker ${args}`
  const dispose = async () => {
    if (daemon.exitCode === null) {
      daemon.kill('SIGTERM')
      await ended
    }
    await log.close()
    await rm(dir, { recursive: true, force: true })
  }
  const giveUp = performance.now() + START_LIMIT_SECONDS * 1000
  while ((await run(['version'])).exitCode !== 0) {
    if (daemon.exitCode !== null || performance.now() > giveUp) {
      const said = await readFile(join(dir, 'log'), 'utf8')
      await dispose()
      throw new Error(`dockerd does not answer; it said:\n${said}`)
    }
    await sleep(200)
  }
  return { host, config, run, [Symbol.asyncDispose]: dispose }
}

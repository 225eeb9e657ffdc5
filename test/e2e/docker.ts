/** A real Docker engine and client, with folders of their own; nothing of the machine's own Docker is touched. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { $, type ProcessOutput } from 'zx'
import { startDaemon } from './daemon.ts'

/** Seconds for one command. */
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

/**
 * Starts an engine that runs no containers: it only loads, pushes and pulls.
 * @param loaded an image that it has from the start: the folder of its OCI layout, and its name
 */
export async function startDocker(loaded?: { layout: string; reference: string }): Promise<Docker> {
  const dir = await mkdtemp(join(tmpdir(), 'docker-'))
  const host = `unix://${dir}/docker.sock`
  const config = join(dir, 'config')
  // Not the machine's own /etc/docker/daemon.json.
  await writeFile(join(dir, 'daemon.json'), '{}')
  const folders = [`--data-root=${dir}/data`, `--exec-root=${dir}/exec`, `--pidfile=${dir}/pid`]
  const run = (args: string[], input = '') =>
    $({
      input,
      quiet: true,
      nothrow: true,
      timeout: `${COMMAND_LIMIT_SECONDS}s`,
      env: { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: config },
    })`docker ${args}`
  const end = await startDaemon(
    ['dockerd', `--host=${host}`, ...folders, `--config-file=${dir}/daemon.json`, '--iptables=false', '--bridge=none'],
    dir,
    async () => (await run(['version'])).exitCode === 0,
  )
  if (loaded !== undefined) {
    const to = [`--dest-daemon-host=${host}`, `oci:${loaded.layout}`, `docker-daemon:${loaded.reference}`]
    const copied = await $({ quiet: true, nothrow: true })`skopeo --insecure-policy copy --quiet ${to}`
    if (copied.exitCode !== 0) {
      await end()
      throw new Error(`the engine did not take the image: ${copied.stderr}`)
    }
  }
  return { host, config, run, [Symbol.asyncDispose]: end }
}

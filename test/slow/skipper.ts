/** Skipper as a process, with its own defaults but for where it listens and what it serves. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureTool } from '../../local/toolchain/index.ts'
import { freePort } from '../engine/api-server.ts'

const READY_LIMIT_MS = 60_000
const POLL_MS = 100

export interface Skipper extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  host: string
}

/**
 * @param folder for the file of its one route
 * @param backend `host:port` of all requests
 * @param filters as an annotation of an Ingress has them; none: ''
 */
export async function startSkipper(folder: string, backend: string, filters: string): Promise<Skipper> {
  const port = await freePort()
  const host = `127.0.0.1:${port}`
  const routes = join(folder, `${port}.eskip`)
  await writeFile(routes, `all: * -> ${filters === '' ? '' : `${filters} -> `}"http://${backend}";\n`)
  const args = [`-address=${host}`, '-support-listener=', `-routes-file=${routes}`, '-access-log-disabled']
  const child = spawn(await ensureTool('skipper'), args, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const giveUp = performance.now() + READY_LIMIT_MS
  const answers = () =>
    fetch(`http://${host}/v2/`).then(
      ({ status }) => status === 200,
      () => false,
    )
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`skipper ended with ${child.exitCode} before it served`)
    if (performance.now() > giveUp) throw new Error(`skipper does not serve after ${READY_LIMIT_MS / 1000} s`)
    await sleep(POLL_MS)
  }
  return {
    host,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

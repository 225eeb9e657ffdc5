/** The action as the runner runs it: its committed file, inputs in the environment, state and outputs in files. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { bundlePath } from './bundle.ts'

const action = join(import.meta.dirname, bundlePath)

/** A server that answers in turn, the last answer again and again, and keeps what it was asked. */
export async function answering(...answers: RequestListener[]) {
  const asked: { url: string; method: string; form: URLSearchParams; headers: IncomingMessage['headers'] }[] = []
  const server = createServer(async (request, response) => {
    const { url = '', method = '', headers } = request
    asked.push({ url, method, headers, form: new URLSearchParams(await text(request)) })
    answers[Math.min(asked.length, answers.length) - 1]?.(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    asked,
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

export interface Step {
  readonly code: number
  readonly printed: string
  /** What the step wrote into the files `GITHUB_OUTPUT` and `GITHUB_ENV`. */
  readonly outputs: Readonly<Record<string, string>>
  readonly variables: Readonly<Record<string, string>>
}

/** A job on a runner, with folders of its own. */
export async function startJob(env: Readonly<Record<string, string | undefined>>) {
  const folder = await mkdtemp(join(tmpdir(), 'login-action-'))
  const temp = join(folder, 'temp')
  await mkdir(temp)
  let state: Record<string, string> = {}

  async function run(more: Readonly<Record<string, string>>): Promise<Step> {
    const files = { GITHUB_OUTPUT: 'output', GITHUB_ENV: 'env', GITHUB_STATE: 'state' }
    for (const name of Object.values(files)) await writeFile(join(folder, name), '')
    const child = execFile(process.execPath, [action], {
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        RUNNER_TEMP: temp,
        GITHUB_REPOSITORY: 'Acme/App',
        ...Object.fromEntries(Object.entries(files).map(([variable, name]) => [variable, join(folder, name)])),
        ...env,
        ...more,
      },
    })
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (printed += chunk))
    const [code] = (await once(child, 'close')) as [number]
    const [outputs, variables, saved] = await Promise.all(
      ['output', 'env', 'state'].map(async (name) => entries(await readFile(join(folder, name), 'utf8'))),
    )
    state = { ...state, ...saved }
    return { code, printed, outputs: outputs ?? {}, variables: variables ?? {} }
  }

  return {
    folder,
    temp,
    main: (inputs: Readonly<Record<string, string>>) =>
      run(Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]))),
    post: () => run(Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]))),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** The runner's file commands: `name<<delimiter`, lines, `delimiter` (docs.github.com, "Workflow commands"). */
function entries(file: string): Record<string, string> {
  const found = [...file.matchAll(/^([^\n<]+)<<(\S+)\n(.*?)\n\2$/gms)]
  return Object.fromEntries(found.map(([, name = '', , value = '']) => [name, value]))
}

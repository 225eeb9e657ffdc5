/** A real S3 server, versitygw on a folder: a process on a free port of the loopback interface. */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ensureTool } from '../../local/toolchain/index.ts'

export const BUCKET = 'images'
export const REGION = 'test-region-1'

/** On a busy machine. */
const START_LIMIT_MS = 30_000

/** As the registry's Secret has them. */
export interface Keys extends Record<string, string> {
  AWS_ACCESS_KEY_ID: string
  AWS_SECRET_ACCESS_KEY: string
}

export interface S3Server extends AsyncDisposable {
  url: string
  /** Of the one who may do everything. */
  keys: Keys
  /** Keys of a user that may do nothing with the bucket. */
  addUser(): Promise<Keys>
}

const newKeys = (name: string): Keys => ({
  AWS_ACCESS_KEY_ID: name,
  AWS_SECRET_ACCESS_KEY: randomBytes(16).toString('hex'),
})

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** @param dir a folder of its own; each folder in its `buckets` is a bucket */
export async function startS3(dir: string): Promise<S3Server> {
  const [buckets, metadata, users] = [join(dir, 'buckets'), join(dir, 'metadata'), join(dir, 'users')]
  await mkdir(join(buckets, BUCKET), { recursive: true })
  await Promise.all([mkdir(metadata), mkdir(users)])
  const port = await freePort()
  const keys = newKeys('registry')
  const args = ['--port', `127.0.0.1:${port}`, '--region', REGION, '--health', '/health', '--quiet']
  const command = await ensureTool('versitygw')
  const child = spawn(command, [...args, '--iam-dir', users, 'posix', '--sidecar', metadata, buckets], {
    env: { ROOT_ACCESS_KEY: keys.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: keys.AWS_SECRET_ACCESS_KEY },
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  const giveUp = Date.now() + START_LIMIT_MS
  while (
    !(await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > giveUp) throw new Error('versitygw does not answer')
    await sleep(50)
  }
  return {
    url,
    keys,
    async addUser() {
      const user = newKeys(`user-${randomBytes(4).toString('hex')}`)
      const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = user
      const env = {
        ADMIN_ACCESS_KEY_ID: keys.AWS_ACCESS_KEY_ID,
        ADMIN_SECRET_ACCESS_KEY: keys.AWS_SECRET_ACCESS_KEY,
        ADMIN_ENDPOINT_URL: url,
        ADMIN_REGION: REGION,
      }
      const made = ['create-user', '--access', access, '--secret', secret, '--role', 'user']
      await promisify(execFile)(command, ['admin', ...made], { env })
      return user
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

export interface Recorder extends AsyncDisposable {
  /** By a name that differs from the registry's, as in real life. */
  url: string
  /** Headers of the requests that did not come from the registry itself. */
  requests: { method: string; path: string; headers: IncomingHttpHeaders }[]
}

/** Stands before a server and writes down what comes. */
export async function recordRequests(target: string): Promise<Recorder> {
  const requests: Recorder['requests'] = []
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    if (!/aws-sdk-go/.test(headers['user-agent'] ?? '')) requests.push({ method, path: url, headers })
    const forwarded = httpRequest(new URL(url, target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** What leads loopback ports into the cluster's network; here both ends are in the same one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { projectDir } from '../../local/paths.ts'
import { ensurePython } from '../../local/toolchain/python.ts'
import { freePort } from '../engine/api-server.ts'

const WAIT = { timeout: 60_000, interval: 50 }
const BYTES = 30_000_000

let folder: string
let forwarder: ChildProcess
let forwards: string
let port: number
/** What the server at the other end saw last. */
let accepted: Socket
let server: Server

const forward = (map: Record<number, string>) => writeFile(forwards, JSON.stringify(map))
const target = () => `127.0.0.1:${(server.address() as AddressInfo).port}`
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function open(to: number): Promise<Socket> {
  const socket = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forwarder-'))
  forwards = join(folder, 'forwards.json')
  // Sends back what came, once all of it is there.
  server = createServer({ allowHalfOpen: true }, async (socket) => {
    accepted = socket
    socket.end(await buffer(socket).catch(() => ''))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = await freePort()
  await forward({ [port]: target() })
  const script = join(projectDir, 'local/kubernetes/forwarder.py')
  forwarder = spawn(await ensurePython(), [script, '/proc/self/ns/net', forwards, '127.0.0.1', '::1'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  await vi.waitFor(async () => (await open(port)).destroy(), WAIT)
})
afterAll(async () => {
  forwarder.kill()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

it('moves every byte both ways, and the end of each', async () => {
  const bytes = randomBytes(BYTES)
  const all = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const socket = await open(port)
      socket.end(bytes)
      return digest(await buffer(socket))
    }),
  )
  expect(new Set(all)).toEqual(new Set([digest(bytes)]))
})

it('breaks one side off where the other did', async () => {
  const socket = await open(port)
  socket.write('a')
  socket.on('error', () => undefined)
  await vi.waitFor(() => expect(accepted.bytesRead).toBe(1), WAIT)
  const ended = once(socket.resume(), 'end')
  accepted.resetAndDestroy()
  await ended
  socket.destroy()
})

it('reads its ports again on SIGHUP: a port that is gone is closed, a new one is open', async () => {
  const other = await freePort()
  const before = await open(port)
  before.write('still ')
  await vi.waitFor(() => expect(accepted.bytesRead).toBe('still '.length), WAIT)
  await forward({ [other]: target() })
  forwarder.kill('SIGHUP')
  await vi.waitFor(async () => (await open(other)).destroy(), WAIT)
  await vi.waitFor(() => expect(open(port)).rejects.toThrow('ECONNREFUSED'), WAIT)
  // What was open stays open.
  before.end('here')
  expect(String(await buffer(before))).toBe('still here')
})

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { answerJson } from '../../test/fake-upstream.ts'
import { limits as usual } from '../limits.ts'
import { probe } from './health-probe.ts'
import { createConnections } from './pool.ts'

/** Whatever comes, comes in time, however busy the machine is. */
const limits = { ...usual, upstreamConnectMs: 20_000, jwksBytes: 10_000 }
const IMPATIENT_MS = 100
let server: Server | undefined

afterEach(() => {
  server?.close()
  server?.closeAllConnections()
  server = undefined
})

/** What a probe finds at a server that answers so. */
async function probeServer(answer: RequestListener, waitMs?: number) {
  server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return probePort((server.address() as AddressInfo).port, waitMs)
}

async function probePort(port: number, waitMs = limits.upstreamConnectMs) {
  const url = new URL(`http://127.0.0.1:${port}/application/o/registry/jwks/?a=b`)
  const connections = createConnections(url.origin, limits)
  try {
    return await probe(url, connections, { ...limits, upstreamConnectMs: waitMs })
  } finally {
    connections.destroy()
  }
}

describe('probe', () => {
  it('asks for what the address says, and tells which keys sign', async () => {
    const seen: unknown[] = []
    const keys = [
      { kty: 'EC', kid: 'one', use: 'sig' },
      { kty: 'RSA', kid: 'two' },
      { kty: 'RSA', kid: 'for-encryption', use: 'enc' },
      { kty: 'RSA' },
      { kty: 'RSA', kid: 7 },
    ]
    const found = await probeServer((request, response) => {
      seen.push(request.method, request.url, request.headers.authorization)
      answerJson(200, { keys })(request, response)
    })
    expect(found).toEqual({ answered: true, keyIds: ['one', 'two'] })
    expect(seen).toEqual(['GET', '/application/o/registry/jwks/?a=b', undefined])
  })

  it.each<[string, RequestListener]>([
    ['the token endpoint, which takes no GET', (_, response) => response.writeHead(405).end()],
    ['a page', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
    ['a key set that is none', answerJson(200, { keys: 'none' })],
    ['a way to elsewhere, which is not gone', (_, response) => response.writeHead(302, { location: '/x' }).end()],
    ['more than a key set can be', answerJson(200, { keys: [{ kty: 'x'.repeat(limits.jwksBytes) }] })],
  ])('takes %s for an answer that says nothing of keys', async (_, answer) => {
    expect(await probeServer(answer)).toEqual({ answered: true })
  })

  it.each<[string, RequestListener, number?]>([
    ['a 500', answerJson(500, { keys: [] })],
    ['a 503 of the proxy in front of it', (_, response) => response.writeHead(503).end('no backend')],
    ['a reset', (request) => request.socket.resetAndDestroy()],
    ['no answer', () => {}, IMPATIENT_MS],
    [
      'an answer that breaks off',
      (_, response) => void response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'),
    ],
    ['an answer that does not go on', (_, response) => void response.writeHead(200).write('{'), IMPATIENT_MS],
  ])('takes %s for silence', async (_, answer, waitMs) => {
    expect(await probeServer(answer, waitMs)).toEqual({ answered: false })
  })

  it('takes nobody for silence', async () => expect(await probePort(1)).toEqual({ answered: false }))

  it('does not wait behind calls that hold every connection', async () => {
    server = createServer((request, response) => {
      if (request.url === '/keys') response.writeHead(405).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`)
    const connections = createConnections(url.origin, { ...limits, upstreamConnections: 1 })
    const held = connections
      .request({ path: '/', method: 'GET', headers: {}, totalMs: 60_000, maxBytes: 1 })
      .catch(() => 'ended')
    await once(server, 'request')
    expect(await probe(url, connections, limits)).toEqual({ answered: true })
    connections.destroy()
    expect(await held).toBe('ended')
  })
})

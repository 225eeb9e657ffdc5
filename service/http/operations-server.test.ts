import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createReadiness, type Readiness } from '../operations/readiness.ts'
import { createOperationsServer } from './operations-server.ts'

let server: Server
let readiness: Readiness

beforeEach(async () => {
  readiness = createReadiness()
  server = createOperationsServer(
    { page: async () => 'a_metric 1\n', contentType: 'text/plain; version=0.0.4' },
    readiness,
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => void server.close())

const port = () => (server.address() as AddressInfo).port
const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port()}${path}`, init)

describe('the second port', () => {
  it.each(['/metrics', '/metrics?name[]=a_metric'])('has the page at %s', async (path) => {
    const response = await get(path)
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/plain; version=0.0.4',
      'a_metric 1\n',
    ])
  })

  it('says that the process lives, and that it is of use', async () => {
    expect([(await get('/live')).status, (await get('/ready')).status]).toEqual([204, 204])
  })

  it('says that the process is about to end', async () => {
    readiness.drain()
    const response = await get('/ready')
    expect([response.status, await response.json()]).toEqual([503, { problems: ['draining'] }])
    expect((await get('/live')).status).toBe(204)
  })

  it.each(['/', '/token', '/metrics/', '/Metrics', '//metrics'])('gives nothing at %s', async (path) => {
    const response = await get(path)
    expect([response.status, await response.text()]).toEqual([404, ''])
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('takes no %s', async (method) => {
    const response = await get('/metrics', { method })
    expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([405, 'GET, HEAD', ''])
  })

  it('answers HEAD as GET, without the body', async () => {
    const response = await get('/metrics', { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
  })

  it('reads past a body, and is there for the next request', async () => {
    const socket = connect(port(), '127.0.0.1')
    const length = 100_000
    socket.write(`GET /live HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n${'x'.repeat(length)}`)
    socket.write('GET /live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    expect((await text(socket)).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 204', 'HTTP/1.1 204'])
  })
})

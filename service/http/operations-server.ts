/** The second port, for those who run the service: /metrics, and /live and /ready as on the first. */
import { createServer, type Server } from 'node:http'
import type { Metrics } from '../operations/metrics.ts'
import type { Readiness } from '../operations/readiness.ts'
import { liveAnswer, readyAnswer } from './answer.ts'

/** Milliseconds for a scraper to send its request; it has no body. */
const REQUEST_MS = 5_000
/** Connections at once: probes and scrapers are a handful. */
const CONNECTIONS = 100

/** Makes the server; it does not listen yet. */
export function createOperationsServer(metrics: Pick<Metrics, 'page' | 'contentType'>, readiness: Readiness): Server {
  const server = createServer(
    { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 },
    async (request, response) => {
      request.resume()
      const path = request.url?.split('?')[0]
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD' }).end()
      } else if (path === '/metrics') {
        response.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.page())
      } else if (path === '/live' || path === '/ready') {
        const { status, headers, body } = path === '/live' ? liveAnswer : readyAnswer(readiness.problems())
        response.writeHead(status, headers).end(body)
      } else {
        response.writeHead(404).end()
      }
    },
  )
  server.maxConnections = CONNECTIONS
  return server
}

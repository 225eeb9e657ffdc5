/** One answer of the server under test, so that the bare server can send as many bytes. */
import { headerOf } from './answer-reader.ts'
import type { BareAnswer } from './bare-server.ts'
import { createHttpSocket } from './http-socket.ts'
import { createWorkload, type WorkloadSettings } from './workloads.ts'

/** Node writes these itself. */
const ownHeaders = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length'])

/**
 * Asks once.
 * @throws Error if no answer comes
 */
export function sampleAnswer(settings: WorkloadSettings): Promise<BareAnswer> {
  const { hostname, port } = new URL(settings.url)
  const socket = createHttpSocket({ host: hostname, port: Number(port || 80) })
  const { request } = createWorkload('unique', settings)(0)
  return new Promise((resolve, reject) => {
    socket.ask(request, (outcome) => {
      socket.close()
      if ('broken' in outcome) return reject(new Error(`${settings.url} does not answer: ${outcome.broken}`))
      const names = [...outcome.head.matchAll(/\r\n([^:\r\n]+):/g)].map((found) => String(found[1]))
      const headers = names
        .filter((name) => !ownHeaders.has(name.toLowerCase()))
        .map((name) => [name, headerOf(outcome.head, name) ?? ''])
      const body = outcome.body.toString()
      resolve({
        status: outcome.status,
        headers: { ...Object.fromEntries(headers), 'content-length': String(Buffer.byteLength(body)) },
        body,
      })
    })
  })
}

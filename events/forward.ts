/** Hands an event to the URL that the stack names. It keeps nothing: the registry sends again what was not accepted. */
import http from 'node:http'
import https from 'node:https'
import type { Secret } from '../service/secret.ts'
import { type Proxies, proxyEnvironment } from '../service/upstream/proxies.ts'
import { CLOUD_EVENT_MEDIA_TYPE, type CloudEvent } from './cloud-event.ts'
import type { Limits } from './limits.ts'

/**
 * - `taken`: a 2xx
 * - `refused`: it will never take this event
 * - `failed`: it may take it later
 */
export interface Forwarded {
  readonly outcome: 'taken' | 'refused' | 'failed'
  /** The status, or the code of a connection's error; never a text of the receiver's. */
  readonly cause: string
}

export type Forward = (event: CloudEvent) => Promise<Forwarded>

/** RFC 9110: the event itself is wrong for this receiver; sent again, it would be no better. */
const FOR_GOOD = new Set([400, 413, 415, 422])

export interface Receiver {
  readonly url: URL
  readonly token: Secret | undefined
  readonly proxies: Proxies | undefined
}

export function createForward(
  { url, token, proxies }: Receiver,
  limits: Pick<Limits, 'forwardMs' | 'answerBytes'>,
): Forward {
  const client = url.protocol === 'https:' ? https : http
  const agent = new client.Agent({ keepAlive: true, ...(proxies && { proxyEnv: proxyEnvironment(proxies) }) })
  return (event) =>
    new Promise((resolve) => {
      const body = JSON.stringify(event)
      const request = client.request(url, {
        method: 'POST',
        agent,
        signal: AbortSignal.timeout(limits.forwardMs),
        headers: {
          'content-type': CLOUD_EVENT_MEDIA_TYPE,
          'content-length': Buffer.byteLength(body),
          ...(token && { authorization: `Bearer ${token.reveal()}` }),
        },
      })
      request.on('error', (error: NodeJS.ErrnoException) =>
        resolve({ outcome: 'failed', cause: error.name === 'AbortError' ? 'ETIMEDOUT' : (error.code ?? error.name) }),
      )
      request.on('response', (answer) => {
        let left = limits.answerBytes
        // Read to the end, so that the connection can be used again.
        answer.on('data', ({ length }: Buffer) => {
          left -= length
          if (left < 0) answer.destroy()
        })
        answer.on('error', () => {})
        const { statusCode: status = 0 } = answer
        // A redirect is a failure too: events go where the operator said.
        const refused = FOR_GOOD.has(status) ? 'refused' : 'failed'
        resolve({ outcome: status >= 200 && status < 300 ? 'taken' : refused, cause: String(status) })
      })
      request.end(body)
    })
}

/**
 * Takes the registry's notifications, one after the other, on the loopback interface of its pod. The registry has two
 * queues, so that a URL that takes nothing holds up nothing else:
 *
 * - `POST /stream` answers once the event is written.
 * - `POST /url` answers once the receiver at the URL has taken it.
 *
 * A 2xx means that the registry forgets the notification; with anything else it keeps it, and all that come after it,
 * and sends it again. So nothing is kept here, and a restart loses nothing; and what can never be read or delivered is
 * answered 2xx as well, after a line in the log: it would block the queue forever. The registry counts the answers by
 * status in its metrics, where an alert looks for this one.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Log } from '../service/operations/log.ts'
import { type CloudEvent, type Context, cloudEvent } from './cloud-event.ts'
import type { Forward } from './forward.ts'
import type { Limits } from './limits.ts'
import { readNotifications } from './notification.ts'
import { DROPPED, STREAM_PATH, URL_PATH } from './paths.ts'

const TAKEN = 204
const AGAIN = 503
type Said = typeof TAKEN | typeof DROPPED | typeof AGAIN

export interface ReceiverParts extends Context {
  /** Writes an event, and returns when it is written. */
  readonly write: (event: CloudEvent) => void
  /** Undefined where the stack names no URL. */
  readonly forward: Forward | undefined
  readonly limits: Limits
  readonly log: Pick<Log, 'error' | 'warn' | 'info'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Makes the server; it does not listen yet. */
export function createReceiver(parts: ReceiverParts): Server {
  const { write, forward, limits, log } = parts
  const deliver = forward && delivery(forward, parts)
  const server = createServer(
    { headersTimeout: limits.requestMs, requestTimeout: limits.requestMs, connectionsCheckingInterval: 1_000 },
    async (request, response) => {
      const path = request.url ?? ''
      const known = path === STREAM_PATH || (path === URL_PATH && deliver !== undefined)
      if (!known || request.method !== 'POST') {
        request.resume()
        response.writeHead(known ? 405 : 404, known ? { allow: 'POST' } : {}).end()
        return
      }
      const body = await readBody(request, limits.notificationBytes).catch(() => undefined)
      if (body === undefined) {
        // The registry ended, or broke off: it sends again what it still has.
        response.destroy()
        return
      }
      const notifications =
        body.text === undefined ? undefined : readNotifications(body.text, limits.notificationsPerCall)
      if (notifications === undefined) {
        log.error({ path, bytes: body.bytes }, 'dropped a notification that cannot be read: is this distribution 3?')
      }
      const events = notifications?.flatMap((notification) => cloudEvent(notification, parts, limits) ?? []) ?? []
      let said: Said = notifications === undefined ? DROPPED : TAKEN
      for (const event of events) {
        if (path === STREAM_PATH) write(event)
        else said = (await deliver?.(event)) ?? said
        if (said === AGAIN) break
      }
      response.writeHead(said).end()
    },
  )
  server.maxConnections = limits.connections
  return server
}

/** @returns what the registry is told; undefined: the event is taken */
function delivery(
  forward: Forward,
  { limits, log, now }: ReceiverParts,
): (event: CloudEvent) => Promise<typeof DROPPED | typeof AGAIN | undefined> {
  let failures = 0
  let complainedMs = Number.NEGATIVE_INFINITY
  return async (event) => {
    const { outcome, cause } = await forward(event)
    if (outcome === 'taken') {
      if (failures > 0) log.info({ failures }, 'the URL takes events again')
      failures = 0
      return undefined
    }
    const { id, type, subject, time } = event
    if (outcome === 'refused') {
      log.error({ cause, id, type, subject }, 'the URL refuses this event for good; it is in the stream alone')
      return DROPPED
    }
    failures += 1
    if (now() - Date.parse(time) > limits.forwardAgeMs) {
      log.error({ cause, id, type, subject }, 'the URL has not taken this event in time; it is in the stream alone')
      return DROPPED
    }
    if (now() - complainedMs > limits.complaintMs) {
      complainedMs = now()
      log.warn({ cause, failures, oldest: time }, 'the URL takes no events; they wait in the registry')
    }
    return AGAIN
  }
}

/** Reads a body to its end, and keeps of it what fits. @returns without a text where it does not */
async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ text: string | undefined; bytes: number }> {
  let pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes <= maxBytes) pieces.push(piece)
    else pieces = []
  }
  return { text: bytes <= maxBytes ? Buffer.concat(pieces).toString('utf8') : undefined, bytes }
}

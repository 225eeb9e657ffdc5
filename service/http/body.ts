/** The body of a request, read to a limit. */
import type { IncomingMessage } from 'node:http'
import { TokenError } from '../errors.ts'

const noBody = Buffer.alloc(0)

/**
 * Reads a body to its end, that of a GET too, so that the connection can be used again.
 * @throws TokenError `body_too_large`, `request_too_slow` or `request_malformed`
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  // RFC 9112 §6.3.
  if (length === undefined && encoding === undefined) return noBody
  const tooLarge = () =>
    new TokenError('body_too_large', `The request has a body of more than ${maxBytes} bytes; no login needs that much`)
  if (Number(length ?? 0) > maxBytes) throw tooLarge()
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    // Destroying the request would destroy the connection, and the answer with it.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      bytes += (piece as Buffer).length
      if (bytes > maxBytes) throw tooLarge()
      pieces.push(piece as Buffer)
    }
    return Buffer.concat(pieces)
  } catch (error) {
    if (error instanceof TokenError) throw error
    throw new TokenError('request_malformed', 'The body of the request broke off')
  }
}

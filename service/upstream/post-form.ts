/**
 * One POST of a form to authentik: pooled connections, every wait and size bounded, one retry where it is safe.
 * What the answer means is not decided here.
 */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { clientGone } from './callers.ts'
import { type Connections, timeoutCodes } from './pool.ts'

/** What came back, whole. */
export interface UpstreamAnswer {
  status: number
  /** Without parameters, in lower case: `application/json`. */
  mediaType: string
  text: string
  /** authentik's own id of the request, under which its log has it; undefined where it gave none that looks like one. */
  authentikId?: string
}

/**
 * Sends a form.
 * @param abandoned ends the call when nobody waits for it any more
 * @throws TokenError `client_gone` then; `upstream_*`; its facts name the cause by its error code, never by text
 */
export type PostForm = (form: URLSearchParams, requestId: string, abandoned?: AbortSignal) => Promise<UpstreamAnswer>

/** What is done around each call, its retry included; it may add headers. */
export type AroundCall = (
  call: (moreHeaders: Readonly<Record<string, string>>) => Promise<UpstreamAnswer>,
) => Promise<UpstreamAnswer>

/**
 * Makes the function that sends forms.
 * @param url where to; redirects are not followed, since a credential goes only where the operator said
 */
export function createPostForm(
  url: URL,
  connections: Pick<Connections, 'request'>,
  limits: Limits,
  around: AroundCall = (call) => call({}),
): PostForm {
  const post = async (
    form: URLSearchParams,
    requestId: string,
    abandoned: AbortSignal | undefined,
    moreHeaders: Readonly<Record<string, string>>,
  ) => {
    const late = AbortSignal.timeout(limits.upstreamTotalMs)
    const signal = abandoned ? AbortSignal.any([late, abandoned]) : late
    const begin = () =>
      connections.request({
        path: url.pathname + url.search,
        method: 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          'user-agent': 'passwordless-registry',
          'x-request-id': requestId,
          ...moreHeaders,
        },
        body: form.toString(),
        signal,
      })
    try {
      // Idle connections die unseen, so the first break before an answer says little. Once an answer has begun,
      // authentik has written a token, and a second try would only hide that something between cuts answers off.
      const answer = await begin().catch((error: unknown) => {
        if (!isBroken(error)) throw error
        return begin()
      })
      const text = await readText(answer.body, limits.upstreamAnswerBytes)
      const authentikId = idIn(answer.headers['x-authentik-id'])
      return {
        status: answer.statusCode,
        mediaType: mediaType(answer.headers['content-type']),
        text,
        ...(authentikId === undefined ? {} : { authentikId }),
      }
    } catch (error) {
      if (abandoned?.aborted) throw clientGone()
      if (late.aborted) throw failure(late.reason)
      throw error instanceof TokenError ? error : failure(error)
    }
  }
  return (form, requestId, abandoned) => around((moreHeaders) => post(form, requestId, abandoned, moreHeaders))
}

async function readText(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.length
    // Leaving the loop destroys the body, and with it the connection.
    if (bytes > maxBytes) {
      throw new TokenError('upstream_unusable', unusableSentence, { cause: 'too_long', maxBytes })
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** Seen: 32 hexadecimal digits. It goes into the log, so nothing else that an answer may hold does. */
function idIn(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\w-]{1,64}$/.test(header) ? header : undefined
}

function mediaType(header: string | string[] | undefined): string {
  return String(header ?? '')
    .replace(/;.*/s, '')
    .trim()
    .toLowerCase()
}

/** For an answer that no token endpoint gives. */
export const unusableSentence =
  'The login server (authentik) gave an answer that cannot be used; try again in a few seconds, then tell the operator'

const brokenCodes = new Set(['ECONNRESET', 'EPIPE'])
const lateCodes = new Set<string>([...Object.values(timeoutCodes), 'ETIMEDOUT'])

function isBroken(error: unknown): boolean {
  return brokenCodes.has(codeOf(error))
}

function failure(error: unknown): TokenError {
  const cause = codeOf(error)
  if (lateCodes.has(cause)) {
    return new TokenError(
      'upstream_timeout',
      'The login server (authentik) did not answer in time; try again in a few seconds, then tell the operator',
      { cause },
    )
  }
  if (isBroken(error)) {
    return new TokenError(
      'upstream_broken',
      'The connection to the login server (authentik) broke; try again in a few seconds, then tell the operator',
      { cause },
    )
  }
  // Of Node's parser; the error itself quotes what came.
  if (cause.startsWith('HPE_')) {
    return new TokenError('upstream_unusable', unusableSentence, { cause })
  }
  return new TokenError(
    'upstream_unreachable',
    'The login server (authentik) cannot be reached; try again in a few seconds, then tell the operator',
    { cause },
  )
}

/** Every failure of a connection has a code as text, but for one. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'TimeoutError') return 'ETIMEDOUT' // how AbortSignal.timeout ends, with a number as code
  return 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
}

/**
 * One POST of a form to authentik: pooled connections, every wait and size bounded, one retry where it is safe.
 * It does not decide what the answer means.
 */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { clientGone } from './callers.ts'
import { ConnectionError, type Connections, timeoutCodes } from './pool.ts'

/** Bytes of authentik's answer: 1.7 kB were seen; a hundred scopes granted make about 20 kB. */
export const ANSWER_BYTES = 256 * 1024

/** What came back, whole. */
export interface UpstreamAnswer {
  status: number
  /** Without parameters, in lower case: `application/json`. */
  mediaType: string
  text: string
  /**
   * authentik's own id of the request, under which its log has it; undefined where it gave none that looks like one.
   */
  authentikId?: string
}

/**
 * Sends a form.
 * @param abandoned ends the call when nobody waits for it any longer
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
    const untilMs = performance.now() + limits.upstreamTotalMs
    const send = (fresh: boolean) =>
      connections.request({
        fresh,
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
        totalMs: untilMs - performance.now(),
        maxBytes: ANSWER_BYTES,
        abandoned,
      })
    try {
      // Idle connections die unseen, so the first break before an answer says little. Once an answer has begun,
      // authentik has written a token, and a second try would only hide that something between cuts answers off.
      const { statusCode, headers, text } = await send(false).catch((error: unknown) => {
        if (!isBroken(error) || error.answered) throw error
        return send(true)
      })
      if (text === undefined) {
        const facts = { cause: 'too_long', maxBytes: ANSWER_BYTES }
        throw new TokenError('upstream_unusable', unusableSentence, facts)
      }
      const authentikId = idIn(headers['x-authentik-id'])
      return {
        status: statusCode,
        mediaType: mediaType(headers['content-type']),
        text,
        ...(authentikId === undefined ? {} : { authentikId }),
      }
    } catch (error) {
      if (abandoned?.aborted) throw clientGone()
      throw error instanceof TokenError ? error : failure(error)
    }
  }
  return (form, requestId, abandoned) => around((moreHeaders) => post(form, requestId, abandoned, moreHeaders))
}

/** Seen: 32 hexadecimal digits. It goes into the log, so anything else is dropped. */
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
const lateCodes = new Set<string>(Object.values(timeoutCodes))

/** Whether a connection broke, as idle ones do unseen. */
export function isBroken(error: unknown): error is ConnectionError {
  return error instanceof ConnectionError && brokenCodes.has(error.code)
}

function failure(error: unknown): TokenError {
  const cause = error instanceof ConnectionError ? error.code : 'unknown'
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

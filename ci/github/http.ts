/** HTTP as the action needs it: by the runner's proxy, never redirected, and with an end to every wait. */
import { HttpClient } from '@actions/http-client'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
  /** Seconds that the server asks to wait; undefined if it does not say. */
  readonly retryAfter: number | undefined
}

/** One request; its promise is rejected if there is no answer in time. */
export type Ask = (request: HttpRequest) => Promise<HttpAnswer>

export interface HttpRequest {
  readonly url: string
  readonly bearer?: string
  /** Makes it a POST. */
  readonly form?: Readonly<Record<string, string>>
  readonly timeoutSeconds: number
}

/** A token has 2 kB, an answer with two of them 8. */
const MAX_ANSWER_CHARACTERS = 256 * 1024

export const ask: Ask = async ({ url, bearer, form, timeoutSeconds }) => {
  const client = new HttpClient('passwordless-registry-login', [], {
    allowRedirects: false, // a credential goes to the server that was named, and to no other
    socketTimeout: timeoutSeconds * 1000,
    headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
  })
  const late = Promise.withResolvers<never>()
  // The client's own limit is about silence; this one ends an answer that trickles in.
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${timeoutSeconds} s`)), timeoutSeconds * 1000)
  try {
    const body = form && new URLSearchParams(form).toString()
    const type = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
    const sent = body === undefined ? client.get(url) : client.post(url, body, type)
    const response = await Promise.race([sent, late.promise])
    const text = await Promise.race([response.readBody(), late.promise])
    if (text.length > MAX_ANSWER_CHARACTERS) throw new Error(`an answer of ${text.length} characters`)
    const seconds = Number(response.message.headers['retry-after'])
    return {
      status: response.message.statusCode ?? 0,
      body: text,
      retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
    }
  } finally {
    clearTimeout(timer)
    client.dispose()
  }
}

/** The text of a field of a JSON object; undefined for anything else. */
export function textOf(body: string, ...path: readonly string[]): string | undefined {
  try {
    const value = path.reduce<unknown>(
      (at, name) => (Object(at) === at ? Reflect.get(at as object, name) : undefined),
      JSON.parse(body),
    )
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * The network as the doctor and the probers use it: each request ends in time, and no answer is read without a limit.
 */

const TIMEOUT_SECONDS = 15
const MAX_ANSWER_BYTES = 1024 * 1024

export interface WebAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** @throws the error of `fetch`, or one that says that the answer is too large */
export async function ask(url: string, init: RequestInit = {}): Promise<WebAnswer> {
  const signal = AbortSignal.timeout(TIMEOUT_SECONDS * 1000)
  const response = await fetch(url, { redirect: 'manual', signal, ...init })
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`)
    pieces.push(piece)
  }
  return { status: response.status, headers: response.headers, body: Buffer.concat(pieces).toString('utf8') }
}

/** An object of JSON; empty for anything else. */
export function jsonOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** The sentence of an error and of what caused it, as `fetch` hides the reason there. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${reasonOf(error.cause)}` : ''
  return `${error.message}${cause}`
}

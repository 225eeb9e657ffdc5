/** The connection to authentik's API, and error messages for its failures. */

export interface Connection {
  readonly url: string
  readonly token: string
  readonly headers: Record<string, string>
}

/** An object of the API, with its own names. */
export type Entity = Record<string, unknown>

/** An answer of authentik that is not a success. */
export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** How long authentik may take for one answer: saving a source makes it fetch the source's keys first. */
const ANSWER_TIMEOUT_MS = 60_000
/** As much of a body that is not the API's own JSON as helps to see what answered. */
const SHOWN_BODY_CHARACTERS = 300

export class Api {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * @param path below `/api/v3/`
   * @returns the answer's JSON; undefined where there is none
   * @throws ApiError
   */
  async request(method: string, path: string, body?: Entity): Promise<Entity | undefined> {
    const { url, token, headers } = this.#connection
    const response = await fetch(`${url}/api/v3/${path}`, {
      method,
      headers: { ...headers, authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      ...(body && { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw unreachable(url, error)
    })
    const text = await response.text()
    if (!response.ok) throw failure(url, response.status, bodyInWords(text))
    return text === '' ? undefined : (JSON.parse(text) as Entity)
  }

  /** The first object that a list answers for these fields. */
  async first(path: string, filter: Record<string, string>): Promise<Entity | undefined> {
    const page = await this.request('GET', `${path}/?${new URLSearchParams(filter)}`)
    return (page as { results: Entity[] }).results[0]
  }
}

function unreachable(url: string, error: unknown): ApiError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ApiError(0, `authentik does not answer at ${url}: ${reason}. Is authentik:url (or AUTHENTIK_URL) right?`)
}

function failure(url: string, status: number, words: string): ApiError {
  if (status !== 403 && status !== 401) return new ApiError(status, `authentik answered ${status}: ${words}`)
  const advice =
    'Set a token of an administrator with `pulumi config set --secret authentik:token` (or in AUTHENTIK_TOKEN)'
  return new ApiError(status, `authentik at ${url} refused the API token (${status}: ${words}). ${advice}.`)
}

/** `{"name": ["is taken"]}` as `name: is taken`; anything else shortened. */
function bodyInWords(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null) {
      return Object.entries(parsed)
        .map(([field, reasons]) => `${field}: ${Array.isArray(reasons) ? reasons.join(' ') : String(reasons)}`)
        .join('; ')
    }
  } catch {
    // Not JSON: shown as it is.
  }
  return body.trim().slice(0, SHOWN_BODY_CHARACTERS) || 'no text'
}

/** `undefined` where authentik says 404. */
export async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

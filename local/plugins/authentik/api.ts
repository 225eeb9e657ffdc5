/** The connection to authentik: the official client, and its failures in words. */
import { createRequire } from 'node:module'
import type * as client from '@goauthentik/api/dist/esm/index.js'

export interface Connection {
  readonly url: string
  readonly token: string
  readonly headers: Record<string, string>
}

export interface Api {
  readonly url: string
  readonly core: client.CoreApi
  readonly crypto: client.CryptoApi
  readonly flows: client.FlowsApi
  readonly policies: client.PoliciesApi
  readonly propertyMappings: client.PropertymappingsApi
  readonly providers: client.ProvidersApi
  readonly sources: client.SourcesApi
}

/** An answer of authentik that is no success. */
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

/** Connects. The client is loaded here and not before, since its 1,000 modules take most of a second. */
export function connect({ url, token, headers }: Connection): Api {
  // The package's main entry is missing from what is published; its second build is whole (and CommonJS too).
  const library = createRequire(import.meta.url)('@goauthentik/api/dist/esm/index.js') as typeof client
  const middleware: client.Middleware = {
    onError: async ({ error }) => {
      throw unreachable(url, error)
    },
    post: async ({ response }) => {
      if (!response.ok) throw await failure(url, response)
    },
  }
  const configuration = new library.Configuration({
    basePath: `${url}/api/v3`,
    fetchApi: (input: string, init?: RequestInit) =>
      fetch(input, { ...init, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) }),
    middleware: [middleware],
    headers: { ...headers, Authorization: `Bearer ${token}` },
  })
  return {
    url,
    core: new library.CoreApi(configuration),
    crypto: new library.CryptoApi(configuration),
    flows: new library.FlowsApi(configuration),
    policies: new library.PoliciesApi(configuration),
    propertyMappings: new library.PropertymappingsApi(configuration),
    providers: new library.ProvidersApi(configuration),
    sources: new library.SourcesApi(configuration),
  }
}

function unreachable(url: string, error: unknown): ApiError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ApiError(0, `authentik does not answer at ${url}: ${reason}. Is authentik:url (or AUTHENTIK_URL) right?`)
}

async function failure(url: string, response: Response): Promise<ApiError> {
  const words = bodyInWords(await response.text())
  if (response.status === 403 || response.status === 401) {
    const advice =
      'Set a token of an administrator with `pulumi config set --secret authentik:token` (or in AUTHENTIK_TOKEN)'
    return new ApiError(
      response.status,
      `authentik at ${url} refused the API token (${response.status}: ${words}). ${advice}.`,
    )
  }
  return new ApiError(response.status, `authentik answered ${response.status}: ${words}`)
}

/** `{"name": ["is taken"]}` as `name: is taken`; anything else shortened. */
export function bodyInWords(body: string): string {
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

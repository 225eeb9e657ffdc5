/**
 * Reads from authentik's API what the program has to know before it makes anything, and what the provider cannot look
 * up. Each answer has a size limit, and each failure is one sentence that says what to do.
 */
import tls from 'node:tls'
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici'

/** Time for a request and its whole answer. authentik takes about 50 ms. */
const ANSWER_LIMIT_MS = 10_000
/** The answers that the program asks for have a few kilobytes; a source with its own key set has the most. */
const ANSWER_LIMIT_BYTES = 1024 * 1024
/** How much of a foreign answer a message shows. */
const SHOWN_CHARACTERS = 80

/** The address and token of authentik, as configured for the provider. */
export interface AuthentikAccess {
  readonly url: string
  readonly token: string
  /** Accepts any certificate. */
  readonly insecure?: boolean
  /** Sent with every request, for a proxy in front of authentik. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One object of the API: `pk` and whatever else its kind has. */
export type Row = Readonly<Record<string, unknown>>

export interface AuthentikApi {
  /** Without secrets. */
  readonly url: string
  /** @param path below `/api/v3/`, without a slash at either end. @throws AuthentikProblem */
  get(path: string, filters?: Readonly<Record<string, string>>): Promise<unknown>
  /** The entries of a list that match the filters. @throws AuthentikProblem */
  list(path: string, filters: Readonly<Record<string, string>>): Promise<Row[]>
}

/** Why the program cannot work with authentik, in a sentence for the person who runs it. */
export class AuthentikProblem extends Error {}

/** @throws AuthentikProblem if address or token cannot be sent at all */
export function authentikApi(access: AuthentikAccess): AuthentikApi {
  const base = parsedUrl(access.url)
  const url = `${base.origin}${base.pathname.replace(/\/+$/, '')}`
  const headers = { ...access.headers, accept: 'application/json', authorization: `Bearer ${sendable(access.token)}` }
  const get = async (path: string, filters: Readonly<Record<string, string>> = {}) => {
    const query = new URLSearchParams(filters).toString()
    const { pathname, search } = new URL(`${url}/api/v3/${path}/${query && `?${query}`}`)
    const dispatcher = dispatcherFor(base, access.insecure === true)
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS)
    try {
      const options = { origin: base.origin, path: pathname + search, method: 'GET', headers, signal } as const
      const { statusCode, headers: received, body } = await dispatcher.request(options)
      return answer({ url, path, statusCode, location: received.location, text: await boundedText(body, url) })
    } catch (error) {
      if (error instanceof AuthentikProblem) throw error
      throw new AuthentikProblem(
        `authentik cannot be reached at ${url}: ${reason(error, signal)}. ` +
          'Is authentik:url (or AUTHENTIK_URL) right, and is authentik running?',
      )
    } finally {
      void dispatcher.destroy()
    }
  }
  return {
    url,
    get,
    list: async (path, filters) => {
      const body = await get(path, filters)
      if (isRow(body) && Array.isArray(body.results) && body.results.every(isRow)) return body.results
      throw notTheApi(url, path, 'JSON without a list of results')
    },
  }
}

function parsedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new AuthentikProblem(
    'authentik:url (or AUTHENTIK_URL): expected the http or https URL of authentik. ' +
      '`pulumi config set authentik:url https://authentik.example.com` sets it.',
  )
}

function sendable(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new AuthentikProblem(
    `The API token of authentik ${token === '' ? 'is not set' : 'contains a character that a request cannot, such as a line break'}. ` +
      '`pulumi config set --secret authentik:token` asks for it (or set AUTHENTIK_TOKEN).',
  )
}

/** Trusts the machine's certificates, as the provider does, and uses the proxy that the environment names. */
function dispatcherFor({ protocol, hostname }: URL, insecure: boolean): Dispatcher {
  const trusted = () => [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])]
  const connect = protocol === 'https:' ? (insecure ? { rejectUnauthorized: false } : { ca: trusted() }) : {}
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  return isLoopback ? new Agent({ connect }) : new EnvHttpProxyAgent({ connect, requestTls: connect })
}

async function boundedText(body: AsyncIterable<Uint8Array>, url: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > ANSWER_LIMIT_BYTES) {
      throw new AuthentikProblem(
        `What answers at ${url} is not authentik: its answer has more than ${ANSWER_LIMIT_BYTES} bytes. ` +
          'Is authentik:url (or AUTHENTIK_URL) right?',
      )
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

interface Answer {
  url: string
  path: string
  statusCode: number
  location: string | string[] | undefined
  text: string
}

function answer({ url, path, statusCode, location, text }: Answer): unknown {
  const body = parsed(text)
  if (statusCode === 200 && body !== undefined) return body
  if (statusCode === 401 || statusCode === 403) {
    const words = isRow(body) && typeof body.detail === 'string' ? `${statusCode}: ${shown(body.detail)}` : statusCode
    throw new AuthentikProblem(
      `authentik at ${url} refuses the API token (${words}). Expected a token of an administrator with the intent API: ` +
        '`pulumi config set --secret authentik:token` asks for it (or set AUTHENTIK_TOKEN).',
    )
  }
  if (statusCode >= 300 && statusCode < 400 && typeof location === 'string' && URL.canParse(location, url)) {
    const { origin } = new URL(location, url)
    throw new AuthentikProblem(
      `authentik at ${url} redirects to ${origin}. Set the address at which it answers directly: ` +
        '`pulumi config set authentik:url`.',
    )
  }
  if (statusCode >= 500) {
    throw new AuthentikProblem(
      `authentik at ${url} answers ${statusCode} (${shown(text)}). It may be starting or broken; see its own log.`,
    )
  }
  throw notTheApi(url, path, `${statusCode} (${shown(text)})`)
}

const notTheApi = (url: string, path: string, came: string) =>
  new AuthentikProblem(
    `What answers at ${url} is not authentik's API: expected JSON from /api/v3/${path}/, got ${came}. ` +
      'Is authentik:url (or AUTHENTIK_URL) right?',
  )

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The first words of a foreign text, without control characters. */
function shown(text: string): string {
  const words = text.replace(/[\p{C}\s]+/gu, ' ').trim()
  return words.length > SHOWN_CHARACTERS ? `${words.slice(0, SHOWN_CHARACTERS)}…` : words || 'no text'
}

/** In the words of the network; those of the library could quote the request. */
function reason(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return `no answer within ${ANSWER_LIMIT_MS / 1000} s`
  const causes = error instanceof AggregateError ? error.errors : [error]
  const { code, message } = (causes[0] ?? {}) as { code?: string; message?: string }
  return code?.startsWith('UND_ERR_INVALID')
    ? 'the request cannot be made'
    : shown(message || code || 'no reason known')
}

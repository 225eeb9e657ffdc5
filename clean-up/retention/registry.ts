/** The registry as a client sees it: requests with a token that the token service gives, and bounded answers. */
import * as z from 'zod'
import type { Limits } from './limits.ts'

/** The registry or the token service does not do what is asked; the message says which, and what it says itself. */
export class RegistryError extends Error {
  readonly status: number

  constructor(message: string, status = 0) {
    super(message)
    this.name = 'RegistryError'
    this.status = status
  }
}

export interface RegistryAccess {
  /** Where the registry and the token service are, without a slash at the end. */
  registryUrl: string
  tokenUrl: string
  /** The registry's name in its tokens. */
  service: string
  /** The account's token of this moment: the file is replaced before it ends. */
  readToken: () => Promise<string>
  limits: Limits
  fetch: typeof fetch
  /** Milliseconds since 1970. */
  now: () => number
}

export interface Answer {
  status: number
  headers: Headers
  body: Uint8Array
}

/** Asks below `/v2/`. @throws RegistryError for every status but 2xx and 404, and for a body over `maxBytes` */
export type Ask = (
  path: string,
  init: { method?: 'GET' | 'DELETE'; accept?: string; maxBytes: number },
) => Promise<Answer>

const issued = z.object({ token: z.string(), expires_in: z.number() })
const failed = z.object({ errors: z.array(z.object({ message: z.string() })).min(1) })
/** Characters of what a server says that are repeated. */
const MAX_QUOTED = 300

/**
 * @param scopes what the token has to allow; it is asked for when it is first needed, and again before it ends
 */
export function registryClient(access: RegistryAccess, scopes: readonly string[]): Ask {
  const { registryUrl, limits, now } = access
  let token: { text: string; untilMs: number } | undefined
  return async (path, { method = 'GET', accept, maxBytes }) => {
    if (token === undefined || now() > token.untilMs) token = await askToken(access, scopes)
    const headers = { authorization: `Bearer ${token.text}`, ...(accept !== undefined && { accept }) }
    const answer = await send(access, `${registryUrl}/v2/${path}`, { method, headers }, maxBytes, 'the registry')
    if (answer.status !== 404 && (answer.status < 200 || answer.status > 299)) {
      throw new RegistryError(`the registry answered ${method} ${path} with ${said(answer)}`, answer.status)
    }
    return answer
  }

  async function askToken({ tokenUrl, service, readToken }: RegistryAccess, of: readonly string[]) {
    const query = new URLSearchParams({ service })
    for (const scope of of) query.append('scope', scope)
    const headers = { authorization: `Basic ${Buffer.from(`JWT:${(await readToken()).trim()}`).toString('base64')}` }
    const answer = await send(access, `${tokenUrl}?${query}`, { headers }, limits.tokenBytes, 'the token service')
    const { data } = issued.safeParse(jsonOf(answer))
    if (answer.status !== 200 || data === undefined) {
      throw new RegistryError(`the token service answered with ${said(answer)}`, answer.status)
    }
    return { text: data.token, untilMs: now() + data.expires_in * 1000 - limits.tokenMarginMs }
  }
}

async function send(
  { fetch, limits }: RegistryAccess,
  url: string,
  init: RequestInit,
  maxBytes: number,
  who: string,
): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(limits.requestMs) })
    return { status: response.status, headers: response.headers, body: await readBody(response, maxBytes) }
  } catch (error) {
    if (error instanceof RegistryError) throw error
    const { name, cause } = error as Error & { cause?: { code?: string } }
    throw new RegistryError(`${who} does not answer (${cause?.code ?? name})`)
  }
}

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    if (bytes > maxBytes) throw new RegistryError(`an answer has more than ${maxBytes} bytes`, response.status)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

export function jsonOf({ body }: Answer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

/** A status, and the first sentence of the answer in printable characters. */
function said(answer: Answer): string {
  const message = failed.safeParse(jsonOf(answer)).data?.errors[0]?.message ?? ''
  const printable = message.replaceAll(/[^\x20-\x7e]/g, ' ').slice(0, MAX_QUOTED)
  return printable === '' ? `status ${answer.status}` : `status ${answer.status}: ${printable}`
}

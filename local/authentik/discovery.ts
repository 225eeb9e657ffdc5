/**
 * A source's signing keys: fetched when the source is saved, and again from time to time.
 *
 * Errors are worded as authentik words them (Python's requests library), since the person who mistyped a URL sees them
 * there too.
 */
import type { JSONWebKeySet } from 'jose'
import type { Logger } from 'pino'
import { isObject } from './fields.ts'
import { ValidationFailed } from './resource.ts'
import type { Store } from './store.ts'

/** A source whose server does not answer within this is refused. */
const FETCH_LIMIT_MS = 10_000

/** authentik's field to the field of OpenID Connect Discovery 1.0 §3. */
const DISCOVERED = {
  authorization_url: 'authorization_endpoint',
  access_token_url: 'token_endpoint',
  profile_url: 'userinfo_endpoint',
} as const

/**
 * Fills in what a source's well-known URL and JWKS URL hold. A source with an inline JWKS and no URL is left as it is.
 * @param values what a client sent; the discovered URLs and the keys are added
 * @throws ValidationFailed with the connection error, on the field that named the URL
 */
export async function fetchDiscovery(values: Record<string, unknown>): Promise<void> {
  let discoveredJwksUrl: unknown
  if (values.oidc_well_known_url) {
    const discovery = await fetchJson('oidc_well_known_url', String(values.oidc_well_known_url))
    if (!('issuer' in discovery)) {
      throw new ValidationFailed({ oidc_well_known_url: ['Invalid well-known configuration'] })
    }
    for (const [field, name] of Object.entries(DISCOVERED)) values[field] ||= discovery[name] ?? ''
    discoveredJwksUrl = discovery.jwks_uri
  }
  const jwksUrl = values.oidc_jwks_url || discoveredJwksUrl
  if (jwksUrl) {
    values.oidc_jwks_url = jwksUrl
    values.oidc_jwks = await fetchJson('oidc_jwks_url', String(jwksUrl))
  }
  for (const field of Object.keys(DISCOVERED)) {
    if (!(field in values)) {
      throw new ValidationFailed({ non_field_errors: [`${field} is required for provider OpenID Connect`] })
    }
  }
}

/** Fetches the keys of every source that has a URL. A source whose server does not answer keeps the keys it has. */
export async function refreshKeys(store: Store, log: Logger): Promise<void> {
  for (const source of store.all('sources')) {
    if (!source.oidc_jwks_url) continue
    try {
      source.oidc_jwks = (await fetchJson('oidc_jwks_url', source.oidc_jwks_url)) as unknown as JSONWebKeySet
    } catch (error) {
      const why = error instanceof ValidationFailed ? error.errors : String(error)
      log.warn({ source: source.slug, why }, 'signing keys of a source were not refreshed')
    }
  }
  await store.save()
}

async function fetchJson(field: string, url: string): Promise<Record<string, unknown>> {
  const refuse = (message: string) => new ValidationFailed({ [field]: [message] })
  let response: Response
  let body: string
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(FETCH_LIMIT_MS) })
    body = await response.text()
  } catch (error) {
    throw refuse(connectionError(url, error as Error))
  }
  if (!response.ok) throw refuse(body || `${response.status} Error: ${response.statusText} for url: ${url}`)
  try {
    const value: unknown = JSON.parse(body)
    if (isObject(value)) return value
  } catch {
    // Falls through: only a JSON object can be used.
  }
  throw refuse(`Expected a JSON object from ${url}`)
}

function connectionError(url: string, error: Error): string {
  const reason = error.cause instanceof Error ? error.cause.message : error.message
  if (!URL.canParse(url)) return `Invalid URL '${url}': No scheme supplied. Perhaps you meant https://${url}?`
  const { protocol, hostname, port, pathname } = new URL(url)
  const pool = protocol === 'https:' ? 'HTTPSConnectionPool' : 'HTTPConnectionPool'
  const number = port || (protocol === 'https:' ? '443' : '80')
  return (
    `${pool}(host='${hostname}', port=${number}): Max retries exceeded with url: ${pathname} ` +
    `(Caused by NewConnectionError("Failed to establish a new connection: ${reason}"))`
  )
}

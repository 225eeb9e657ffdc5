/** The token endpoint as registry clients call it, and authentik's as the token service calls it. */
import { decodeJwt } from 'jose'
import { z } from 'zod'
import { authentikUrl } from './authentik.ts'
import { registry } from './job.ts'

const tokenUrl = `http://${registry}/token`
const authentikTokenUrl = `${authentikUrl}/application/o/token/`
/** RFC 7523 §2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const issued = z.object({ access_token: z.string(), refresh_token: z.string().optional() })
const failed = z.object({ errors: z.tuple([z.object({ code: z.string(), message: z.string() })]) })
const access = z.array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()) }))

/** What came back, token or refusal. */
export interface TokenAnswer {
  status: number
  /** The registry token; empty when there is none. */
  token: string
  /** The refresh token, where one was asked for and given. */
  session: string
  /** What the token allows, as scopes. */
  granted: string[]
  /** Code and sentence of a refusal; empty when there is none. */
  reason: string
}

export interface Login {
  username: string
  password: string
}

/** How a CI job logs in. */
export const job = (jwt: string): Login => ({ username: 'JWT', password: jwt })

const service = 'docker-registry'

/** GET with Basic, as docker does with a user name and password, or without it when not logged in. */
export function askToken(
  login: Login | undefined,
  scopes: string[] = [],
  more: Record<string, string> = {},
): Promise<TokenAnswer> {
  const query = new URLSearchParams({ service, ...more })
  for (const scope of scopes) query.append('scope', scope)
  const basic = login && Buffer.from(`${login.username}:${login.password}`).toString('base64')
  const headers = basic === undefined ? {} : { authorization: `Basic ${basic}` }
  return answerOf(fetch(`${tokenUrl}?${query}`, { headers }))
}

/** GET with Basic and `offline_token=true`: what `docker login` does to be given a session. */
export const logIn = (jwt: string, scopes: string[] = []): Promise<TokenAnswer> =>
  askToken(job(jwt), scopes, { offline_token: 'true', client_id: 'docker' })

/** A session of a job, from its token. */
export async function sessionOf(jwt: string): Promise<string> {
  const { session, reason } = await logIn(jwt)
  if (session === '') throw new Error(`no session was given: ${reason}`)
  return session
}

/**
 * A push that has not been requested yet. The token service gives an answer of authentik's again for a minute, so only
 * with a new question does it ask again.
 */
export const newPush = (below = 'acme/app'): string => `repository:${below}/${crypto.randomUUID()}:pull,push`

/** POST `grant_type=refresh_token`, as docker and BuildKit do with an identity token. */
export const refresh = (session: string, scopes: string[] = []): Promise<TokenAnswer> =>
  postForm({ grant_type: 'refresh_token', refresh_token: session, scope: scopes.join(' ') })

/** POST `grant_type=password`, as containerd does. */
export const askWithPassword = ({ username, password }: Login, scopes: string[] = []): Promise<TokenAnswer> =>
  postForm({ grant_type: 'password', username, password, scope: scopes.join(' ') })

function postForm(form: Record<string, string>): Promise<TokenAnswer> {
  const body = new URLSearchParams({ client_id: 'docker', service, ...form })
  return answerOf(fetch(tokenUrl, { method: 'POST', body }))
}

/** Ends a session, as the CI logins do when their job ends. */
export async function revoke(token: string): Promise<{ status: number; error: string | undefined }> {
  const response = await fetch(`http://${registry}/revoke`, { method: 'POST', body: new URLSearchParams({ token }) })
  const { error } = (await response.json()) as { error?: string }
  return { status: response.status, error }
}

/** What authentik itself says to an assertion, with no token service before it: the authority. */
export function askAuthentik(assertion: string, scopes: string[] = [], clientId = service): Promise<TokenAnswer> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_assertion_type: JWT_BEARER,
    client_assertion: assertion,
    scope: [clientId, ...scopes].join(' '),
  })
  return answerOf(fetch(authentikTokenUrl, { method: 'POST', body }))
}

async function answerOf(request: Promise<Response>): Promise<TokenAnswer> {
  const response = await request
  const body: unknown = response.headers.get('content-type')?.startsWith('application/json')
    ? await response.json()
    : {}
  const { data } = issued.safeParse(body)
  const [error] = failed.safeParse(body).data?.errors ?? []
  return {
    status: response.status,
    token: data?.access_token ?? '',
    session: data?.refresh_token ?? '',
    granted: data === undefined ? [] : grantsOf(data.access_token),
    reason: error === undefined ? '' : `${error.code} ${error.message}`,
  }
}

function grantsOf(token: string): string[] {
  const granted = access.default([]).parse(decodeJwt(token).access)
  return granted.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`)
}

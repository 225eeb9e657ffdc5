/**
 * What stands in authentik's place: a token endpoint that is slow or broken on demand, in a process of its own.
 * Its tokens grant what was asked for, and say for which credential and scopes they were made.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { childOptions, serve, startChild } from './child.ts'
import { credentialMark, registryToken, sessionToken } from './jwt.ts'

/** In what way it fails; `refuse` is not a failure, but refuses half of all credentials. */
export const faults = ['none', 'reset', 'black-hole', 'html-500', 'half-json', 'slow', 'refuse'] as const
export type Fault = (typeof faults)[number]

/** How it behaves from now on. */
export interface UpstreamSettings {
  delayMs: number
  /**
   * Milliseconds that its one worker takes for each call, so that calls wait for each other; 0 for any number at once.
   */
  workerMs: number
  fault: Fault
  lifetimeSeconds: number
}

/** A running one. */
export interface Upstream extends AsyncDisposable {
  /** Its token endpoint. */
  url: string
  set(settings: Partial<UpstreamSettings>): Promise<void>
  /** Calls of the token endpoint so far. */
  calls(): Promise<number>
}

/** Milliseconds. */
const SLOW_MS = 300
const TOKEN_PATH = '/application/o/token/'
/** The scope that the token service sends beside those of the client. */
export const OWN_SCOPE = 'docker-registry'
/** The client id by which it gives sessions. */
const SESSION_CLIENT_ID = 'ci-session'

/** Starts one. @param port 0: any that is free */
export async function startUpstream(port = 0): Promise<Upstream> {
  const child = await startChild<{ port: number }>('upstream.ts', { port })
  const origin = `http://127.0.0.1:${child.ready.port}`
  return {
    url: origin + TOKEN_PATH,
    async set(settings) {
      await fetch(`${origin}/settings`, { method: 'PUT', body: JSON.stringify(settings) })
    },
    async calls() {
      return ((await (await fetch(`${origin}/calls`)).json()) as { calls: number }).calls
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

/** Whether `refuse` concerns a credential. */
export function isRefusable(jwt: string): boolean {
  return Number.parseInt(credentialMark(jwt).slice(0, 1), 16) < 8
}

function createUpstreamServer() {
  const settings: UpstreamSettings = { delayMs: 0, workerMs: 0, fault: 'none', lifetimeSeconds: 600 }
  let calls = 0
  let freeMs = 0
  return createServer(async (request, response) => {
    if (request.url === '/calls') return json(response, 200, { calls })
    if (request.url === '/settings') {
      Object.assign(settings, JSON.parse(await text(request)))
      return json(response, 200, settings)
    }
    calls++
    // As it was when the call began.
    const { delayMs, workerMs, fault, lifetimeSeconds } = settings
    const form = await readForm(request)
    if (!form) return
    const answer = () => answerTo(form, response, fault, lifetimeSeconds)
    // As authentik, it does the work also for those that have hung up.
    freeMs = Math.max(freeMs, performance.now()) + workerMs
    const waitMs = delayMs + (fault === 'slow' ? SLOW_MS : 0) + (workerMs > 0 ? freeMs - performance.now() : 0)
    if (waitMs > 0) setTimeout(answer, waitMs)
    else answer()
  })
}

/** @returns undefined where the client has gone */
async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  try {
    return new URLSearchParams(await text(request))
  } catch {
    return undefined
  }
}

function answerTo(form: URLSearchParams, response: ServerResponse, fault: Fault, lifetimeSeconds: number): void {
  const jwt = form.get('client_assertion') ?? ''
  const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '' && scope !== OWN_SCOPE)
  // Nobody who uses this has a password.
  if (form.has('password')) {
    json(response, 400, { error: 'invalid_grant', error_description: 'refused' })
    return
  }
  const now = Math.floor(Date.now() / 1000)
  const session = form.get('client_id') === SESSION_CLIENT_ID
  const granted = () => ({
    access_token: session ? sessionToken(jwt, now, lifetimeSeconds) : registryToken(jwt, scopes, now, lifetimeSeconds),
    token_type: 'Bearer',
    expires_in: lifetimeSeconds,
    scope: OWN_SCOPE,
  })
  switch (fault) {
    case 'black-hole':
      return
    case 'reset':
      response.socket?.resetAndDestroy()
      return
    case 'html-500':
      response.writeHead(500, { 'content-type': 'text/html' }).end('<html><title>Server Error (500)</title></html>')
      return
    case 'half-json': {
      const whole = JSON.stringify(granted())
      response.writeHead(200, { 'content-type': 'application/json' }).end(whole.slice(0, whole.length / 2))
      return
    }
    case 'refuse':
      if (isRefusable(jwt)) json(response, 400, { error: 'invalid_grant', error_description: 'refused' })
      else json(response, 200, granted())
      return
    default:
      json(response, 200, granted())
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text)
}

if (import.meta.main) await serve(createUpstreamServer(), childOptions<{ port: number }>().port)

/**
 * The stand-in authentik: the part of authentik's HTTP API and of its token endpoint that a registry's trust needs, for
 * one machine. It answers as 2026.2 does, recorded in exchanges.recorded.json, or as 2026.5 and newer (version.ts).
 */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Logger, pino } from 'pino'
import { answerApi } from './api.ts'
import { deleteExpired } from './deletion.ts'
import { refreshKeys } from './discovery.ts'
import { Expressions } from './expressions/worker.ts'
import { defaultValues } from './fields.ts'
import {
  Answer,
  detail,
  type HttpRequest,
  json,
  methodNotAllowed,
  NoAnswer,
  newRequestId,
  readRequest,
  send,
} from './http.ts'
import { discoveryDocument } from './openid.ts'
import { DEFAULT_TRUSTED_PROXIES, trustedProxies } from './proxies.ts'
import { presetFlows } from './resources/flow.ts'
import { newUser } from './resources/user.ts'
import { type Group, tables } from './rows.ts'
import { providerJwks } from './signing.ts'
import { Store } from './store.ts'
import { answerAuthorize } from './token/authorize.ts'
import { answerDevice, answerDeviceApproval } from './token/device.ts'
import { answerToken } from './token/endpoint.ts'
import { PendingGrants } from './token/pending.ts'
import { answerRevoke } from './token/revoke.ts'
import type { TokenServices } from './token/services.ts'
import { NEWEST_VERSION } from './version.ts'

/** How often a real authentik fetches its sources' keys again. */
const REFRESH_KEYS_MS = 3 * 3600_000

/** How often expired users and tokens are deleted. */
const CLEAN_UP_MS = 60_000

/** How long a request hangs where a real authentik would never answer it (see token/policies.ts). */
const BLOCKED_POLICY_MS = 60_000

export interface AuthentikOptions {
  /** 0, the default, is any free port. */
  port?: number
  /** Default 127.0.0.1. */
  host?: string
  /** Holds the database; made where it is missing. */
  dataDir: string
  /** The API token of the user `akadmin`. */
  bootstrapToken: string
  /** Path of a Python 3 that can import PyJWT. */
  python: string
  /** As which authentik it answers; NEWEST_VERSION, if not set. */
  version?: string
  /** Networks whose `X-Forwarded-*` headers count, as authentik's `AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS`. */
  trustedProxies?: readonly string[]
  /** Milliseconds since the epoch. */
  clock?: () => number
  log?: Logger
  blockedPolicyMs?: number
}

export interface RunningAuthentik {
  url: string
  port: number
  close(): Promise<void>
}

/**
 * Starts the stand-in.
 * @throws Error where the port is taken, the data cannot be read or the version is not one
 */
export async function startAuthentik(options: AuthentikOptions): Promise<RunningAuthentik> {
  const { clock = Date.now, log = pino({ name: 'stand-in authentik' }), version = NEWEST_VERSION } = options
  const trustsProxy = trustedProxies(options.trustedProxies ?? DEFAULT_TRUSTED_PROXIES, version)
  const store = await Store.open(options.dataDir)
  presetFlows(store)
  setBootstrapToken(store, options.bootstrapToken, clock())
  await store.save()
  const expressions = new Expressions(options.python, store, log)
  const blockedPolicyMs = options.blockedPolicyMs ?? BLOCKED_POLICY_MS
  const services: TokenServices = {
    store,
    expressions,
    clock,
    log,
    blockedPolicyMs,
    version,
    pending: new PendingGrants(),
  }

  const server = createServer((incoming, response) => {
    const id = newRequestId()
    readRequest(incoming, id, trustsProxy)
      .then((request) => route(request, services))
      .catch((error: unknown) => {
        if (error instanceof Answer || error instanceof NoAnswer) return error
        log.error({ err: error, path: incoming.url }, 'request failed')
        return detail(500, 'Internal error of the stand-in authentik; its log says more.')
      })
      .then((answer) => (answer instanceof NoAnswer ? response.destroy() : send(response, answer, id)))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const periodically = (what: string, milliseconds: number, work: () => Promise<void>) =>
    setInterval(() => work().catch((error: unknown) => log.error({ err: error }, `${what} failed`)), milliseconds)
  const timers = [
    periodically('refreshing signing keys', REFRESH_KEYS_MS, () => refreshKeys(store, log)),
    periodically('clean-up', CLEAN_UP_MS, () => {
      deleteExpired(store, clock())
      return store.save()
    }),
  ]
  const { port } = server.address() as AddressInfo
  log.info({ port, version }, 'stand-in authentik (not the real one) is listening')
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async close() {
      timers.forEach(clearInterval)
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      expressions.close()
      await store.save()
    },
  }
}

async function route(request: HttpRequest, services: TokenServices): Promise<Answer> {
  const { path } = request
  if (path.startsWith('/api/v3/')) return await answerApi(request, services)
  if (path === '/application/o/token/') return await answerToken(request, services)
  if (path === '/application/o/revoke/') return await answerRevoke(request, services)
  if (path === '/application/o/device/') return answerDevice(request, services)
  if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed('GET, HEAD')
  if (path === '/') return START_PAGE
  if (path === '/application/o/authorize/') return await answerAuthorize(request, services)
  if (path === '/device') return await answerDeviceApproval(request, services)
  if (path === '/-/health/live/') return new Answer(200)
  if (path === '/-/health/ready/') return await readiness(services)
  const [, slug, document] =
    /^\/application\/o\/([^/]+)\/(jwks|\.well-known\/openid-configuration)\/?$/.exec(path) ?? []
  const { store } = services
  const application = store.find('applications', (candidate) => candidate.slug === slug)
  const provider = store.get('providers', application?.provider ?? null)
  if (!application || !provider) return new Answer(404, 'Not found', { 'content-type': 'text/html; charset=utf-8' })
  if (document === 'jwks') return json(200, providerJwks(provider, store))
  return json(200, await discoveryDocument(provider, application, request, services))
}

/** Ready once expressions can be run: without Python every exchange would be refused. */
async function readiness({ expressions }: TokenServices): Promise<Answer> {
  const error = await expressions.syntaxError('return True')
  return error === undefined ? new Answer(200) : detail(503, error)
}

const START_PAGE = new Answer(
  200,
  `<!doctype html><title>Stand-in authentik</title><h1>Stand-in authentik</h1>
<p>This is not authentik. It answers the part of authentik's API (<code>/api/v3/</code>) and of its token endpoint
(<code>/application/o/token/</code>) that a registry on this machine needs. There are no pages to log in to.</p>
`,
  { 'content-type': 'text/html; charset=utf-8' },
)

/** The administrator and its API token, as `AUTHENTIK_BOOTSTRAP_TOKEN` makes them in a real authentik. */
function setBootstrapToken(store: Store, key: string, now: number): void {
  const admins =
    store.find('groups', ({ name }) => name === 'authentik Admins') ??
    store.insert('groups', {
      ...defaultValues(tables.groups),
      pk: randomUUID(),
      num_pk: store.nextNumber('groups'),
      name: 'authentik Admins',
      is_superuser: true,
    } as Group)
  const admin =
    store.find('users', ({ username }) => username === 'akadmin') ??
    store.insert('users', {
      ...newUser(store, now),
      username: 'akadmin',
      name: 'authentik Default Admin',
      groups: [admins.pk],
    })
  const held = store.find('staticTokens', ({ identifier }) => identifier === 'authentik-bootstrap-token')
  store.insert('staticTokens', {
    pk: held?.pk ?? randomUUID(),
    managed: null,
    identifier: 'authentik-bootstrap-token',
    intent: 'api',
    user: admin.pk,
    description: '',
    expires: null,
    expiring: false,
    key,
  })
}

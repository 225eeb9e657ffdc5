/**
 * The stand-in authentik: the part of authentik's HTTP API and of its token endpoint that a registry's trust needs, for
 * one machine. It answers as 2026.2 does, recorded in exchanges.recorded.json, or as 2026.5 and newer (version.ts).
 */
import { randomUUID } from 'node:crypto'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { type Logger, pino } from 'pino'
import { type Listening, type ListenOptions, listen } from '../issuers/listen.ts'
import { answerApi } from './api.ts'
import { deleteExpired } from './deletion.ts'
import { refreshKeys } from './discovery.ts'
import { Expressions } from './expressions/worker.ts'
import { defaultValues } from './fields.ts'
import { Answer, detail, type HttpRequest, json, methodNotAllowed, NoAnswer, requestOf, type StandIn } from './http.ts'
import { discoveryDocument } from './openid.ts'
import { DEFAULT_TRUSTED_PROXIES, type TrustsProxy, trustedProxies } from './proxies.ts'
import { presetFlows } from './resources/flow.ts'
import { newUser } from './resources/user.ts'
import { type Application, type Group, type OAuth2Provider, tables } from './rows.ts'
import { providerJwks } from './signing.ts'
import { Store } from './store.ts'
import { answerAuthorize } from './token/authorize.ts'
import { answerDevice, answerDeviceApproval } from './token/device.ts'
import { answerToken } from './token/endpoint.ts'
import { PendingGrants } from './token/pending.ts'
import { Refused } from './token/refusal.ts'
import { answerRevoke } from './token/revoke.ts'
import type { TokenServices } from './token/services.ts'
import { NEWEST_VERSION } from './version.ts'

/** How often a real authentik fetches its sources' keys again. */
const REFRESH_KEYS_MS = 3 * 3600_000

/** How often expired users and tokens are deleted. */
const CLEAN_UP_MS = 60_000

/** How long a request hangs where a real authentik would never answer it (see token/policies.ts). */
const BLOCKED_POLICY_MS = 60_000

/** Larger bodies are refused. Room for a group whose attributes hold ten thousand rules. */
const BODY_LIMIT_BYTES = 16 * 1024 * 1024

const REVOKE = '/application/o/revoke/'

export interface AuthentikOptions extends ListenOptions {
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

/**
 * Starts the stand-in.
 * @throws Error where the port is taken, the data cannot be read or the version is not one
 */
export async function startAuthentik(options: AuthentikOptions): Promise<Listening> {
  const { clock = Date.now, log = pino({ name: 'stand-in authentik' }), version = NEWEST_VERSION } = options
  const trustsProxy = trustedProxies(options.trustedProxies ?? DEFAULT_TRUSTED_PROXIES, version)
  const store = await Store.open(options.dataDir)
  presetFlows(store)
  setBootstrapToken(store, options.bootstrapToken, clock())
  await store.save()
  const expressions = new Expressions(options.python, store, log)
  const { blockedPolicyMs = BLOCKED_POLICY_MS } = options
  const pending = new PendingGrants()
  const services: TokenServices = { store, expressions, clock, log, blockedPolicyMs, version, pending }

  const listening = await listen(routes(services, trustsProxy), options)
  const periodically = (what: string, milliseconds: number, work: () => Promise<void>) =>
    setInterval(() => work().catch((error: unknown) => log.error({ err: error }, `${what} failed`)), milliseconds)
  const timers = [
    periodically('refreshing signing keys', REFRESH_KEYS_MS, () => refreshKeys(store, log)),
    periodically('clean-up', CLEAN_UP_MS, () => {
      deleteExpired(store, clock())
      return store.save()
    }),
  ]
  log.info({ port: listening.port, version }, 'stand-in authentik (not the real one) is listening')
  return {
    ...listening,
    async close() {
      timers.forEach(clearInterval)
      await listening.close()
      expressions.close()
      await store.save()
    },
  }
}

type Handler = (request: HttpRequest, services: TokenServices) => Answer | Promise<Answer>

function routes(services: TokenServices, trustsProxy: TrustsProxy): Hono<StandIn> {
  const to = (handle: Handler) => async (c: Context<StandIn>) =>
    (await handle(await requestOf(c, trustsProxy), services)).getResponse()
  const app = new Hono<StandIn>()
  app.use(async (c, next) => {
    c.set('requestId', randomUUID().replaceAll('-', ''))
    await next()
    c.header('server', 'stand-in-authentik')
    c.header('x-authentik-id', c.get('requestId'))
    c.header('x-powered-by', 'stand-in authentik, not the real one')
  })
  app.use(bodyLimit({ maxSize: BODY_LIMIT_BYTES, onError: () => detail(413, 'Request body too large.').getResponse() }))
  app.all('/api/v3/*', to(answerApi))
  app.all('/application/o/token/', to(answerToken))
  app.all(REVOKE, to(answerRevoke))
  app.all('/application/o/device/', to(answerDevice))
  app.get('/application/o/authorize/', to(answerAuthorize))
  app.get('/device', to(answerDeviceApproval))
  app.get('/', (c) => c.html(START_PAGE))
  app.get('/-/health/live/', (c) => c.body(null))
  app.get('/-/health/ready/', to(readiness))
  for (const end of ['', '/']) {
    app.get(`/application/o/:slug/jwks${end}`, to(published((provider) => providerJwks(provider, services.store))))
    app.get(`/application/o/:slug/.well-known/openid-configuration${end}`, to(published(discoveryDocument)))
  }
  app.notFound(({ req }) =>
    (req.method === 'GET' || req.method === 'HEAD' ? notFound() : methodNotAllowed('GET, HEAD')).getResponse(),
  )
  app.onError((error, c) => {
    if (error instanceof Answer) return error.getResponse()
    if (error instanceof Refused) {
      const request = c.get('requestId')
      services.log.info({ path: c.req.path, code: error.code, reason: error.message, request }, 'refused')
      return error.answer(request, c.req.path === REVOKE ? 401 : 400).getResponse()
    }
    if (error instanceof NoAnswer) {
      c.env.incoming.socket.destroy()
      return RESPONSE_ALREADY_SENT
    }
    services.log.error({ err: error, path: c.req.path }, 'request failed')
    return detail(500, 'Internal error of the stand-in authentik; its log says more.').getResponse()
  })
  return app
}

/** Ready once expressions can be run: without Python every exchange would be refused. */
async function readiness(_request: HttpRequest, { expressions }: TokenServices): Promise<Answer> {
  const error = await expressions.syntaxError('return True')
  return error === undefined ? new Answer(200) : detail(503, error)
}

/** What the application whose slug is in the path publishes. */
function published(
  document: (provider: OAuth2Provider, at: Application, request: HttpRequest, services: TokenServices) => unknown,
): Handler {
  return async (request, services) => {
    const slug = request.path.split('/')[3]
    const application = services.store.find('applications', (candidate) => candidate.slug === slug)
    const provider = services.store.get('providers', application?.provider ?? null)
    return application && provider
      ? json(200, (await document(provider, application, request, services)) as object)
      : notFound()
  }
}

const notFound = () => new Answer(404, 'Not found', { 'content-type': 'text/html; charset=utf-8' })

const START_PAGE = `<!doctype html><title>Stand-in authentik</title><h1>Stand-in authentik</h1>
<p>This is not authentik. It answers the part of authentik's API (<code>/api/v3/</code>) and of its token endpoint
(<code>/application/o/token/</code>) that a registry on this machine needs. There are no pages to log in to.</p>
`

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

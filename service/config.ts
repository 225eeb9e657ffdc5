/** The environment, read once into one typed value; every mistake in it is reported at once. */
import * as z from 'zod/mini'
import { Glob } from '../trust/decision/glob.ts'
import { type Limits, readLimits, limits as usualLimits } from './limits.ts'
import { type OwnCluster, readOwnCluster } from './own-cluster.ts'
import type { Anonymous } from './request/credentials.ts'
import { Secret } from './secret.ts'
import { parseProxies, type TrustedProxies } from './trusted-proxies.ts'
import { type Proxies, proxiesFrom, proxyVariables } from './upstream/proxies.ts'

/** The settings of a running token service. */
export interface Config {
  /** authentik's token endpoint. */
  tokenUrl: URL
  clientId: string
  /** Asked for beside what the client asks for: the name of the scope mapping that writes `access`. */
  scope: string
  /** The user name whose password is a CI token. */
  jwtUsername: string
  anonymous: Anonymous
  /** What may be pulled without credentials. */
  anonymousRepositories: readonly Glob[]
  /** Client id and scope name of the application that gives sessions; without it there are none. */
  session: Pick<Config, 'clientId' | 'scope'> | undefined
  /** The cluster in which this runs, where its pods pull; tokens of deleted accounts are then refused. */
  cluster: OwnCluster | undefined
  /** Path of the compiled trust rules; without it nothing is refused early. */
  trustFile: string | undefined
  /** Path of the file in which a clean-up of the registry announces itself; undefined if there are no clean-ups. */
  cleanUpFile: string | undefined
  /** Path of the file that says where the issuers' keys are; without it no signature is checked here. */
  issuerKeysFile: string | undefined
  /** Path of the key set that the registry was given, and where authentik publishes the keys it signs with now. */
  registryJwksFile: string | undefined
  jwksUrl: URL | undefined
  /** Whether a push of which nothing is granted is answered with the reason instead of a lesser token. */
  explainRefusedPush: boolean
  /** Proxies whose X-Forwarded-For says who asks. */
  trustedProxies: TrustedProxies
  /** Whether the address that we see is the client's. */
  addressesKnown: boolean
  logLevel: LogLevel
  /** No host means every interface. */
  listen: Listen
  /** Proxies through which everything is fetched; undefined if none is named. */
  proxies: Proxies | undefined
  limits: Limits
  /** Logged once, at start: settings that have no effect. */
  warnings: string[]
}

/** Where to listen. */
export interface Listen {
  host?: string
  port: number
}

/** The levels of pino. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Two levels that distribution-oauth knows by other names. */
const levelAliases: Readonly<Record<string, LogLevel>> = { warning: 'warn', panic: 'fatal' }

/** Where Kubernetes puts a pod's token unless a projected volume says otherwise. */
const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token'

const required = (what: string) =>
  z.string({
    error: ({ input }) => (input === undefined ? `is missing; it is ${what}` : `must be text: ${what}`),
  })
const optional = () => z.optional(z.string())

const tokenUrl = 'an http(s) URL, like https://authentik.example.com/application/o/token/'

const onOrOff = z._default(z.enum(['on', 'off'], { error: 'is neither on nor off' }), 'on')
const listen = () =>
  z.string().check(
    z.refine((text) => parseListen(text) !== undefined, {
      error: 'is neither a port (9001) nor address and port (127.0.0.1:9001)',
    }),
  )

const proxy = () =>
  z.optional(
    z.string().check(
      z.refine((text) => ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? ''), {
        error: 'is not the http(s) URL of a proxy, like http://proxy.example.com:3128',
      }),
    ),
  )

/** The user name with which a client says that its password is a CI token. distribution-oauth has the same. */
export const JWT_USER_NAME = 'JWT'

const environment = z.object({
  TOKEN_URL: required(tokenUrl).check(
    z.refine((text) => isEndpoint(text), { error: `is not ${tokenUrl}, without user, password and fragment` }),
  ),
  CLIENT_ID: required('the client id of the OAuth2 provider in authentik, like docker-registry'),
  SCOPE: required('the scope name of the mapping in authentik, like docker-registry'),
  PASS_JWT_USERNAME: z._default(
    z
      .string()
      .check(z.refine((name) => !name.includes(':'), { error: 'contains a colon, which a user name must not' })),
    JWT_USER_NAME,
  ),
  ANON_USERNAME: optional(),
  ANON_PASSWORD: optional(),
  ANON_KUBE_JWT: optional(),
  ANON_REPOSITORIES: optional(),
  SESSION_CLIENT_ID: optional(),
  SESSION_SCOPE: optional(),
  CLUSTER_SOURCE: optional(),
  CLUSTER_FILES: optional(),
  KUBERNETES_SERVICE_HOST: optional(),
  KUBERNETES_SERVICE_PORT: optional(),
  TRUST_FILE: optional(),
  CLEAN_UP_FILE: optional(),
  ISSUER_KEYS_FILE: optional(),
  JWKS_URL: optional(),
  REGISTRY_JWKS_FILE: optional(),
  EXPLAIN_REFUSED_PUSH: onOrOff,
  TRUSTED_PROXIES: z.optional(
    z.string().check(
      z.refine((text) => parseProxies(text) !== undefined, {
        error: 'is not a list of addresses and networks, like 10.0.0.0/8,fd00::/8',
      }),
    ),
  ),
  LOG_LEVEL: z.pipe(
    z.pipe(
      z._default(z.string(), 'info'),
      z.transform((level) => levelAliases[level.toLowerCase()] ?? level.toLowerCase()),
    ),
    z.enum(logLevels, { error: `is not one of ${logLevels.join(', ')}` }),
  ),
  LISTEN: z._default(listen(), '9001'),
  HTTP_PROXY: proxy(),
  HTTPS_PROXY: proxy(),
  NO_PROXY: optional(),
})

/** The environment variables that have a meaning here. */
export const variables = Object.keys(environment.shape) as (keyof typeof environment.shape)[]

/** The environment is wrong; `mistakes` has one line for each. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(`The token service cannot start, its environment needs ${mistakes.length} corrections`)
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

/**
 * Reads the settings. A variable that is empty counts as not set, as in most tools that write environments.
 * @throws ConfigError with every mistake; no value is repeated in it, since it may be a password in the wrong place
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>, usual: Limits = usualLimits): Config {
  const given = Object.fromEntries(
    [...variables, 'LIMIT_ADDRESS_RATE'].flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  )
  for (const name of proxyVariables) {
    const value = env[name.toLowerCase()] || env[name]
    if (value) given[name] = value
  }
  const read = environment.safeParse(given)
  const mistakes = read.error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? []
  if (Boolean(given.ANON_USERNAME) !== Boolean(given.ANON_PASSWORD)) {
    mistakes.push('ANON_USERNAME and ANON_PASSWORD belong together; one of them is missing')
  }
  if (Boolean(given.SESSION_CLIENT_ID) !== Boolean(given.SESSION_SCOPE)) {
    mistakes.push('SESSION_CLIENT_ID and SESSION_SCOPE belong together; one of them is missing')
  }
  const { cluster, mistakes: wrongCluster } = readOwnCluster(given)
  mistakes.push(...wrongCluster)
  const { limits, mistakes: wrongLimits } = readLimits(env, usual)
  mistakes.push(...wrongLimits)
  const jwksUrl = given.JWKS_URL ? URL.parse(given.JWKS_URL) : undefined
  if (jwksUrl === null || (jwksUrl && read.data && jwksUrl.origin !== new URL(read.data.TOKEN_URL).origin)) {
    mistakes.push(
      'JWKS_URL is not a URL on the server of TOKEN_URL, like https://authentik.example.com/application/o/x/jwks/',
    )
  }
  if (!read.data || mistakes.length > 0) throw new ConfigError(mistakes)

  const { data } = read
  const warnings = []
  if (data.ANON_KUBE_JWT && data.ANON_USERNAME) {
    warnings.push('ANON_USERNAME and ANON_PASSWORD have no effect: ANON_KUBE_JWT is set and goes first')
  }
  const anonymous = anonymousFrom(data)
  const anonymousRepositories = globs(data.ANON_REPOSITORIES)
  if (anonymous.kind !== 'none' && anonymousRepositories.length === 0) {
    warnings.push('Pulls without credentials get nothing: ANON_REPOSITORIES does not name a repository')
  }
  // Without a trusted proxy the address is the proxy's, the same for all clients: counting by it would lock everybody
  // out.
  const addressRate = data.TRUSTED_PROXIES || given.LIMIT_ADDRESS_RATE ? limits.addressRate : 0
  return {
    tokenUrl: new URL(data.TOKEN_URL),
    clientId: data.CLIENT_ID,
    scope: data.SCOPE,
    jwtUsername: data.PASS_JWT_USERNAME,
    anonymous,
    anonymousRepositories,
    session: sessionFrom(data),
    cluster,
    trustFile: data.TRUST_FILE,
    cleanUpFile: data.CLEAN_UP_FILE,
    issuerKeysFile: data.ISSUER_KEYS_FILE,
    registryJwksFile: data.REGISTRY_JWKS_FILE,
    jwksUrl: jwksUrl ?? undefined,
    explainRefusedPush: data.EXPLAIN_REFUSED_PUSH === 'on',
    trustedProxies: parseProxies(data.TRUSTED_PROXIES ?? '') ?? { check: () => false },
    addressesKnown: addressRate > 0 || Boolean(data.TRUSTED_PROXIES),
    logLevel: data.LOG_LEVEL,
    listen: listenOf(data.LISTEN),
    proxies: proxiesFrom(data),
    limits: { ...limits, addressRate },
    warnings,
  }
}

function globs(list: string | undefined): Glob[] {
  const patterns = (list ?? '').split(',').map((entry) => entry.trim())
  return patterns.filter((pattern) => pattern !== '').map((pattern) => new Glob(pattern))
}

/** In distribution-oauth ANON_KUBE_JWT is a switch; here it may also be the path of a token with its own audience. */
function anonymousFrom(data: z.infer<typeof environment>): Anonymous {
  if (data.ANON_KUBE_JWT) {
    return { kind: 'jwt-file', path: data.ANON_KUBE_JWT.startsWith('/') ? data.ANON_KUBE_JWT : serviceAccountToken }
  }
  if (!data.ANON_USERNAME || !data.ANON_PASSWORD) return { kind: 'none' }
  return { kind: 'password', username: data.ANON_USERNAME, password: new Secret(data.ANON_PASSWORD) }
}

function sessionFrom(data: z.infer<typeof environment>): Config['session'] {
  if (!data.SESSION_CLIENT_ID || !data.SESSION_SCOPE) return undefined
  return { clientId: data.SESSION_CLIENT_ID, scope: data.SESSION_SCOPE }
}

function isEndpoint(text: string): boolean {
  const url = URL.parse(text)
  if (!url || !['http:', 'https:'].includes(url.protocol)) return false
  return url.username === '' && url.password === '' && url.hash === ''
}

const MAX_PORT = 65_535 // RFC 9293 §3.1: 16 bits

function listenOf(text: string): Listen {
  const parsed = parseListen(text)
  if (parsed === undefined) throw new Error('unreachable: the schema has checked it')
  return parsed
}

function parseListen(text: string): Listen | undefined {
  const parts = /^(?:(?:\[(?<ipv6>[0-9a-f:]+)\]|(?<host>[^:\s[\]]+)):)?(?<port>\d{1,5})$/i.exec(text)?.groups
  if (!parts || Number(parts.port) > MAX_PORT) return undefined
  const host = parts.ipv6 ?? parts.host
  return { ...(host ? { host } : {}), port: Number(parts.port) }
}

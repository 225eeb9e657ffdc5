/** The environment, read once into one typed value; every mistake in it is told at once. */
import * as z from 'zod/mini'
import type { Anonymous } from './request/credentials.ts'
import { Secret } from './secret.ts'

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
  /** Client id and scope name of the application that gives sessions; without it there are none. */
  session: Pick<Config, 'clientId' | 'scope'> | undefined
  /** Path of the compiled trust rules; without it nothing is refused early. */
  trustFile: string | undefined
  /** Whether a push of which nothing is granted is answered with the reason instead of a lesser token. */
  explainRefusedPush: boolean
  logLevel: LogLevel
  /** No host means every interface. */
  listen: { host?: string; port: number }
  /** Said once, at start: settings that have no effect. */
  warnings: string[]
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

const environment = z.object({
  TOKEN_URL: required(tokenUrl).check(
    z.refine((text) => isEndpoint(text), { error: `is not ${tokenUrl}, without user, password and fragment` }),
  ),
  CLIENT_ID: required('the client id of the OAuth2 provider in authentik, like docker-registry'),
  SCOPE: required('the scope name of the mapping in authentik, like docker-registry'),
  PASS_JWT_USERNAME: z._default(
    z.string().check(z.refine((name) => !name.includes(':'), { error: 'holds a colon, which no user name may hold' })),
    'JWT',
  ),
  ANON_USERNAME: optional(),
  ANON_PASSWORD: optional(),
  ANON_KUBE_JWT: optional(),
  SESSION_CLIENT_ID: optional(),
  SESSION_SCOPE: optional(),
  SESSION_KEY: optional(),
  TRUST_FILE: optional(),
  EXPLAIN_REFUSED_PUSH: z._default(z.enum(['on', 'off'], { error: 'is neither on nor off' }), 'on'),
  LOG_LEVEL: z.pipe(
    z.pipe(
      z._default(z.string(), 'info'),
      z.transform((level) => levelAliases[level.toLowerCase()] ?? level.toLowerCase()),
    ),
    z.enum(logLevels, { error: `is none of ${logLevels.join(', ')}` }),
  ),
  LISTEN: z._default(
    z.string().check(
      z.refine((text) => parseListen(text) !== undefined, {
        error: 'is neither a port (9001) nor address and port (127.0.0.1:9001)',
      }),
    ),
    '9001',
  ),
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
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(variables.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
  const read = environment.safeParse(given)
  const mistakes = read.error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? []
  if (Boolean(given.ANON_USERNAME) !== Boolean(given.ANON_PASSWORD)) {
    mistakes.push('ANON_USERNAME and ANON_PASSWORD belong together; one of them is missing')
  }
  if (Boolean(given.SESSION_CLIENT_ID) !== Boolean(given.SESSION_SCOPE)) {
    mistakes.push('SESSION_CLIENT_ID and SESSION_SCOPE belong together; one of them is missing')
  }
  const listen = read.data && parseListen(read.data.LISTEN)
  if (!read.data || !listen || mistakes.length > 0) throw new ConfigError(mistakes)

  const { data } = read
  const warnings = []
  if (data.SESSION_KEY) warnings.push('SESSION_KEY has no effect: this token service keeps no browser sessions')
  if (data.ANON_KUBE_JWT && data.ANON_USERNAME) {
    warnings.push('ANON_USERNAME and ANON_PASSWORD have no effect: ANON_KUBE_JWT is set and goes first')
  }
  return {
    tokenUrl: new URL(data.TOKEN_URL),
    clientId: data.CLIENT_ID,
    scope: data.SCOPE,
    jwtUsername: data.PASS_JWT_USERNAME,
    anonymous: anonymousFrom(data),
    session: sessionFrom(data),
    trustFile: data.TRUST_FILE,
    explainRefusedPush: data.EXPLAIN_REFUSED_PUSH === 'on',
    logLevel: data.LOG_LEVEL,
    listen,
    warnings,
  }
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

function parseListen(text: string): Config['listen'] | undefined {
  const parts = /^(?:(?:\[(?<ipv6>[0-9a-f:]+)\]|(?<host>[^:\s[\]]+)):)?(?<port>\d{1,5})$/i.exec(text)?.groups
  if (!parts || Number(parts.port) > MAX_PORT) return undefined
  const host = parts.ipv6 ?? parts.host
  return { ...(host ? { host } : {}), port: Number(parts.port) }
}

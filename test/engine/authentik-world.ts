/** The stand-in authentik with rules, and the issuers of its CI tokens, as servers for one test file. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { tokenEndpoint } from '../../infra/authentik/names.ts'
import { startAuthentik } from '../../local/authentik/server.ts'
import { type Platform, publicKeys, signingKey } from '../../local/issuers/keys.ts'
import { mintToken } from '../../local/issuers/mint.ts'
import { startIssuers } from '../../local/issuers/server.ts'
import { ensurePython } from '../../local/toolchain/python.ts'
import { type AuthentikObjects, type SetUp, setUpAuthentik } from './authentik-objects.ts'
import { authentikVersion } from './authentik-version.ts'

const AUDIENCE = 'registry.example.com'

const JWKS_PATHS: Record<Platform, string> = {
  github: '/github/.well-known/jwks',
  gitlab: '/gitlab/oauth/discovery/keys',
}

/** What authentik's token endpoint answered; `token` is empty where it refused. */
export interface TokenAnswer {
  status: number
  error: string | undefined
  token: string
}

export interface AuthentikWorld extends AsyncDisposable {
  /** A folder of its own for what a test makes. */
  readonly dir: string
  readonly url: string
  readonly objects: SetUp
  /** A CI token with these claims, signed by the platform's key. @param ttl its life in seconds */
  ciToken(claims: object, ttl: number, platform?: Platform): Promise<string>
  /** Asks the token endpoint with the grant `client_credentials`, unless the form names another. */
  ask(form: Record<string, string>): Promise<TokenAnswer>
}

export interface AuthentikWorldOptions {
  /** As a stack's `sources`; the URLs of the stand-in platforms' keys are given. */
  sources?: (jwksUrl: (platform: Platform) => string) => AuthentikObjects['sources']
  /** As a stack's `trust`. */
  rules: unknown
  /** Milliseconds since the epoch, for authentik and new CI tokens. */
  clock?: () => number
}

/** The form fields of an assertion: a CI token or a session. */
export const assertion = (token: string) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: token,
})

const githubSource: NonNullable<AuthentikWorldOptions['sources']> = (jwksUrl) => [
  { slug: 'github', platform: 'github', jwksUrl: jwksUrl('github') },
]

/** Starts the servers and sets authentik up. */
export async function startAuthentikWorld(options: AuthentikWorldOptions): Promise<AuthentikWorld> {
  const { sources = githubSource, rules, clock = Date.now } = options
  await using started = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'authentik-world-'))
  started.defer(() => rm(dir, { recursive: true }))
  const key = (platform: Platform) => signingKey(join(dir, 'issuers'), platform)
  const issuers = await startIssuers({ keys: async (platform) => publicKeys(await key(platform)) })
  started.defer(() => issuers.close())

  const apiToken = randomUUID()
  const authentik = await startAuthentik({
    dataDir: join(dir, 'authentik'),
    bootstrapToken: apiToken,
    python: await ensurePython(),
    clock,
    version: authentikVersion,
    log: pino({ level: 'silent' }),
  })
  started.defer(() => authentik.close())
  const { url } = authentik
  const objects = await setUpAuthentik({
    url,
    apiToken,
    sources: sources((platform) => `${issuers.url}${JWKS_PATHS[platform]}`),
    rules,
    audience: AUDIENCE,
  })

  const all = started.move()
  return {
    dir,
    url,
    objects,
    async ciToken(claims, ttl, platform = 'github') {
      return mintToken({ key: await key(platform), claims: { ...claims }, audience: AUDIENCE, ttl, now: clock() })
    },
    async ask(form) {
      const body = new URLSearchParams({ grant_type: 'client_credentials', ...form })
      const response = await fetch(tokenEndpoint(url), { method: 'POST', body })
      const answer = (await response.json()) as { access_token?: string; error?: string }
      return { status: response.status, error: answer.error, token: answer.access_token ?? '' }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

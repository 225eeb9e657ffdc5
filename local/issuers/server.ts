/** The stand-in CI platforms: what a verifier fetches of them, discovery and public keys. They mint nothing. */
import { type Context, Hono } from 'hono'
import type { JSONWebKeySet } from 'jose'
import { GITHUB_ISSUER } from './github.ts'
import type { Platform } from './keys.ts'
import { type Listening, type ListenOptions, listen } from './listen.ts'

export interface IssuersOptions extends ListenOptions {
  /** The base of GitLab's issuer, which tokens carry; default: the one by which the server is reached. */
  baseUrl?: string
  /** The public keys; asked for with each request, so that a key can change while the server runs. */
  keys: (platform: Platform) => Promise<JSONWebKeySet> | JSONWebKeySet
}

/**
 * Serves `/github` and `/gitlab`, each with `.well-known/openid-configuration` and its JWKS where the platform has it.
 * @throws Error where the port is taken
 */
export async function startIssuers(options: IssuersOptions): Promise<Listening> {
  let baseUrl = options.baseUrl?.replace(/\/$/, '')
  const about = { standIn: true, issuers: ['/github', '/gitlab'] }
  // Keys are found by whatever name the client came; the issuer has one name, that of the tokens.
  const origin = (c: Context) => `http://${c.req.header('host')}`
  const app = new Hono()
    .use(async (c, next) => {
      await next()
      c.header('server', 'stand-in-ci-issuers')
    })
    .all('/', (c) => c.json(about))
    .all('/health', (c) => c.json(about))
    .all('/github/.well-known/openid-configuration', (c) => c.json(githubDiscovery(origin(c))))
    .all('/gitlab/.well-known/openid-configuration', (c) =>
      c.json(gitlabDiscovery(`${baseUrl}/gitlab`, `${origin(c)}/gitlab`)),
    )
    .all('/github/.well-known/jwks', async (c) => c.json(await options.keys('github')))
    .all('/gitlab/oauth/discovery/keys', async (c) => c.json(await options.keys('gitlab')))
    .notFound((c) => c.json({ error: 'not found', standIn: true }, 404))
    .onError((error, c) => c.json({ error: error.message, standIn: true }, 500))
  const listening = await listen(app, options)
  baseUrl ??= listening.url
  return listening
}

/** As GitHub.com publishes it: no endpoint but the keys. */
const githubDiscovery = (origin: string) => ({
  issuer: GITHUB_ISSUER,
  jwks_uri: `${origin}/github/.well-known/jwks`,
  subject_types_supported: ['public', 'pairwise'],
  response_types_supported: ['id_token'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: ['openid'],
})

/** As a GitLab publishes it under its own base URL. */
const gitlabDiscovery = (issuer: string, url: string) => ({
  issuer,
  authorization_endpoint: `${url}/oauth/authorize`,
  token_endpoint: `${url}/oauth/token`,
  userinfo_endpoint: `${url}/oauth/userinfo`,
  jwks_uri: `${url}/oauth/discovery/keys`,
  scopes_supported: ['openid', 'profile', 'email'],
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
})

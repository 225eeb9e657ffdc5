/** The stand-in CI platforms: what a verifier fetches of them, discovery and public keys. They mint nothing. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JSONWebKeySet } from 'jose'
import { GITHUB_ISSUER } from './github.ts'
import type { Platform } from './keys.ts'

export interface IssuersOptions {
  /** 0, the default, is any free port. */
  port?: number
  /** Default 127.0.0.1. */
  host?: string
  /** The base of GitLab's issuer, which tokens carry; default: by whatever name a client comes. */
  baseUrl?: string
  /** The public keys; asked for with each request, so that a key can change while the server runs. */
  keys: (platform: Platform) => Promise<JSONWebKeySet> | JSONWebKeySet
}

export interface RunningIssuers {
  url: string
  port: number
  close(): Promise<void>
}

/**
 * Serves `/github` and `/gitlab`, each with `.well-known/openid-configuration` and its JWKS where the platform has it.
 * @throws Error where the port is taken
 */
export async function startIssuers(options: IssuersOptions): Promise<RunningIssuers> {
  let baseUrl = options.baseUrl?.replace(/\/$/, '')
  const server: Server = createServer((request, response) => {
    // Keys are found by whatever name the client came; the issuer has one name, that of the tokens.
    const origin = `http://${request.headers.host}`
    answer(new URL(request.url ?? '/', 'http://path.invalid').pathname, baseUrl ?? origin, origin, options.keys)
      .then((body) => ({ status: body ? 200 : 404, body: body ?? { error: 'not found', standIn: true } }))
      .catch((error: Error) => ({ status: 500, body: { error: error.message, standIn: true } }))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json', server: 'stand-in-ci-issuers' })
        response.end(JSON.stringify(body))
      })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  baseUrl ??= url
  return {
    url,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  path: string,
  baseUrl: string,
  origin: string,
  keys: IssuersOptions['keys'],
): Promise<object | undefined> {
  switch (path) {
    case '/github/.well-known/openid-configuration':
      return githubDiscovery(origin)
    case '/gitlab/.well-known/openid-configuration':
      return gitlabDiscovery(`${baseUrl}/gitlab`, `${origin}/gitlab`)
    case '/github/.well-known/jwks':
      return await keys('github')
    case '/gitlab/oauth/discovery/keys':
      return await keys('gitlab')
    case '/':
    case '/health':
      return { standIn: true, issuers: ['/github', '/gitlab'] }
    default:
      return undefined
  }
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

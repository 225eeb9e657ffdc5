/** For the tests of the token endpoint: two sources, a session provider and a registry provider with one policy. */
import { certificatePair, created, makeProvider, OAUTH_SOURCE, type Reply, startWorld, type World } from '../fixture.ts'
import type { JsonObject } from '../rows.ts'
import type { AuthentikOptions } from '../server.ts'

/** The claims of a CI job that matter to these tests. */
export const JOB = {
  iss: 'https://token.actions.githubusercontent.com',
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository: 'acme/app',
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** How long a policy that would block a real authentik hangs here. */
const BLOCKED_POLICY_MS = 200

export interface RegistryWorld {
  world: World
  /** The id of the source `github`. */
  githubSource: string
  setPolicy(expression: string): Promise<Reply>
  setMapping(expression: string): Promise<Reply>
  /** Asks for a registry token, with a CI token or a session. */
  exchange(assertion: string, form?: Record<string, string>, headers?: Record<string, string>): Promise<Reply>
  github(claims?: JsonObject, options?: Parameters<World['mint']>[2]): string
  userNamed(username: string): Promise<Reply['body']>
}

/** @param options version and trusted proxies, as the tests need them */
export async function startRegistryWorld(options: Partial<AuthentikOptions> = {}): Promise<RegistryWorld> {
  const world = await startWorld({ blockedPolicyMs: BLOCKED_POLICY_MS, ...options })
  const source = async (slug: string, jwks: string): Promise<string> =>
    (
      await created(world, 'sources/oauth/', {
        name: slug,
        slug,
        ...OAUTH_SOURCE,
        oidc_jwks_url: `${world.issuers}/${jwks}`,
      })
    ).pk
  const githubSource = await source('github', 'github/.well-known/jwks')
  const gitlabSource = await source('gitlab', 'gitlab/oauth/discovery/keys')
  const { certificate, key } = await certificatePair()
  const pair = { name: 'docker-registry', certificate_data: certificate, key_data: key }
  const signingKey = (await created(world, 'crypto/certificatekeypairs/', pair)).pk
  const mapping = (
    await created(world, 'propertymappings/provider/scope/', {
      name: 'docker-registry',
      scope_name: 'docker-registry',
      expression: 'return {"access": [user.username, user.is_active]}',
    })
  ).pk
  const federated = { signing_key: signingKey, jwt_federation_sources: [githubSource, gitlabSource] }
  const session = await makeProvider(world, 'ci-session', { ...federated, access_token_validity: 'hours=6' })
  const registry = await makeProvider(world, 'docker-registry', {
    ...federated,
    jwt_federation_providers: [session.provider],
    property_mappings: [mapping],
  })
  const policy = (await created(world, 'policies/expression/', { name: 'trust', expression: 'return True' })).pk
  await created(world, 'policies/bindings/', { policy, target: registry.application, order: 0 })
  return {
    world,
    githubSource,
    setPolicy: (expression) => world.api('PATCH', `policies/expression/${policy}/`, { expression }),
    setMapping: (expression) => world.api('PATCH', `propertymappings/provider/scope/${mapping}/`, { expression }),
    exchange: (assertion, form = {}, headers = {}) =>
      world.exchange(
        {
          grant_type: 'client_credentials',
          client_id: 'docker-registry',
          client_assertion_type: JWT_BEARER,
          client_assertion: assertion,
          scope: 'docker-registry',
          ...form,
        },
        headers,
      ),
    github: (claims = {}, options = {}) => world.mint('github', { ...JOB, ...claims }, options),
    userNamed: async (username) =>
      (await world.api('GET', `core/users/?username=${encodeURIComponent(username)}`)).body.results[0],
  }
}

/**
 * The whole program under Pulumi's mocks: what it asks authentik's provider for, what it marks secret, what it puts
 * out.
 */
import { createPrivateKey } from 'node:crypto'
import * as pulumi from '@pulumi/pulumi'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { stackPolicy } from '../trust/language/stack-policy.ts'
import { json, list, version } from './authentik/authentik-api.fixture.ts'
import { ISSUER } from './kubernetes/cluster-api.fixture.ts'
import { CERTIFICATE, PRIVATE_KEY, PROVIDER } from './program.fixture.ts'
import { example, projectFile, stackFile, useProgram } from './run-program.fixture.ts'

const { run, all, one, made, authentik } = useProgram()

const MAPPING = 'authentik:index/propertyMappingProviderScope:PropertyMappingProviderScope'

describe('authentik', () => {
  it('takes the tokens of GitHub.com by its key set and of GitLab.com by its discovery document', async () => {
    await run(example())
    expect(one('authentik:index/sourceOauth:SourceOauth', 'docker-registry-github').inputs).toMatchObject({
      name: 'docker-registry-github',
      slug: 'docker-registry-github',
      providerType: 'openidconnect',
      oidcJwksUrl: 'https://token.actions.githubusercontent.com/.well-known/jwks',
      authorizationUrl: expect.stringMatching(/^https:/),
      accessTokenUrl: expect.stringMatching(/^https:/),
      profileUrl: expect.stringMatching(/^https:/),
    })
    expect(one('authentik:index/sourceOauth:SourceOauth', 'docker-registry-gitlab').inputs).toMatchObject({
      name: 'docker-registry-gitlab',
      slug: 'docker-registry-gitlab',
      oidcWellKnownUrl: 'https://gitlab.com/.well-known/openid-configuration',
    })
  })

  it('signs registry tokens and sessions with a P-256 key each, which stays a secret', async () => {
    await run(example())
    for (const name of ['docker-registry-1', 'ci-session-1']) {
      expect(one('tls:index/privateKey:PrivateKey', name).inputs).toMatchObject({ ecdsaCurve: 'P256' })
      const pair = one('authentik:index/certificateKeyPair:CertificateKeyPair', name)
      expect(pair.inputs).toMatchObject({ name, certificateData: CERTIFICATE, keyData: PRIVATE_KEY })
      expect(pair.secrets).toContain('keyData')
    }
  })

  it('ties provider, key, mapping, sources and application together', async () => {
    await run({ ...example(), 'passwordless-registry:tokenLifetimeMinutes': 5 })
    expect(one(PROVIDER, 'docker-registry').inputs).toMatchObject({
      name: 'docker-registry',
      clientId: 'docker-registry',
      accessTokenValidity: 'minutes=5',
      signingKey: 'id-of-docker-registry-1',
      propertyMappings: ['id-of-docker-registry'],
      jwtFederationSources: ['uuid-of-docker-registry-github', 'uuid-of-docker-registry-gitlab'],
      jwtFederationProviders: [8],
      authorizationFlow: 'flow default-provider-authorization-implicit-consent',
      invalidationFlow: 'flow default-provider-invalidation-flow',
    })
    expect(one('authentik:index/application:Application', 'docker-registry').inputs).toMatchObject({
      slug: 'docker-registry',
      protocolProvider: 7,
    })
    expect(one(MAPPING, 'docker-registry').inputs).toMatchObject({
      scopeName: 'docker-registry',
      expression: expect.stringMatching(/^"""What the trust policy .*Scope mapping `docker-registry`/s),
    })
  })

  it('lets both providers exchange tokens and do nothing else', async () => {
    await run(example())
    for (const name of ['docker-registry', 'ci-session']) {
      expect(one(PROVIDER, name).inputs).toMatchObject({
        grantTypes: ['client_credentials'],
        allowedRedirectUris: [{ matching_mode: 'strict', url: 'https://unused.invalid' }],
      })
    }
  })

  it('lets whoever holds a session end it without a secret, and the registry take no other client', async () => {
    await run(example())
    const types = ['ci-session', 'docker-registry'].map((name) => one(PROVIDER, name).inputs.clientType)
    expect(types).toEqual(['public', 'confidential'])
  })

  it('says no grants to an authentik that knows none', async () => {
    authentik().answers['admin/version'] = version('2026.2.2')
    await run(example())
    for (const { inputs } of all(PROVIDER)) expect(inputs).not.toHaveProperty('grantTypes')
    expect(all(PROVIDER)).toHaveLength(2)
  })

  it('gives sessions to CI tokens alone, for as long as the stack says', async () => {
    await run({ ...example(), 'passwordless-registry:sessionHours': 12 })
    expect(one(PROVIDER, 'ci-session').inputs).toMatchObject({
      clientId: 'ci-session',
      issuerMode: 'global',
      accessTokenValidity: 'minutes=720',
      signingKey: 'id-of-ci-session-1',
      propertyMappings: ['id-of-ci-session'],
      jwtFederationSources: ['uuid-of-docker-registry-github', 'uuid-of-docker-registry-gitlab'],
      jwtFederationProviders: [],
    })
    expect(one('authentik:index/application:Application', 'ci-session').inputs).toMatchObject({ protocolProvider: 8 })
    expect(one(MAPPING, 'ci-session').inputs).toMatchObject({
      scopeName: 'ci-session',
      expression: expect.stringContaining('Scope mapping `ci-session`'),
    })
  })

  it('makes nothing for sessions where they are turned off', async () => {
    await run({ ...example(), 'passwordless-registry:sessionHours': 0 })
    expect(made().filter(({ name }) => name === 'ci-session')).toEqual([])
    expect(one(PROVIDER).inputs.jwtFederationProviders).toEqual([])
    const [container] = one('kubernetes:apps/v1:Deployment', 'token-service').inputs.spec.template.spec.containers
    expect(container.env.map(({ name }: { name: string }) => name)).not.toContain('SESSION_CLIENT_ID')
  })

  it('binds the trust policy to every application, and its failure is a no', async () => {
    await run(example())
    expect(one('authentik:index/policyExpression:PolicyExpression').inputs.expression).toContain('Who gets a token at')
    expect(all('authentik:index/policyBinding:PolicyBinding').map(({ inputs }) => inputs)).toEqual(
      ['ci-session', 'docker-registry'].map((application) => ({
        target: `uuid-of-${application}`,
        policy: 'id-of-docker-registry-trust',
        order: 0,
        negate: false,
        failureResult: false,
        timeout: 10,
      })),
    )
  })

  it.each(['example', 'local'])(
    'keeps the rules of %s in a group without members, as explain and the token service read them',
    async (name) => {
      await run({ ...stackFile(name), 'passwordless-registry:pushGroup': 'a"b', 'authentik:token': 'token' })
      const group = one('authentik:index/group:Group', 'docker-registry-trust').inputs
      expect(group.users).toBeUndefined()
      const document = JSON.parse(group.attributes)
      expect(document).toMatchObject({ version: 1, groups: { push: 'a"b', pull: 'acl_docker_pull' } })
      const config = { ...stackFile(name), 'passwordless-registry:pushGroup': 'a"b' }
      const { policy } = stackPolicy(projectFile(), stringify({ config }), { issuer: ISSUER })
      expect(document).toEqual(policy?.document)
      expect(one('kubernetes:core/v1:ConfigMap', 'trust').inputs.data).toEqual({ 'trust.json': group.attributes })
    },
  )

  it('takes the keys of an issuer that cannot be reached from the stack', async () => {
    const jwks = { keys: [{ kid: '1', kty: 'RSA', n: 'AQAB', e: 'AQAB' }] }
    const cluster = { slug: 'cluster', platform: 'oidc', issuer: 'https://kubernetes.default.svc', jwks }
    await run({ ...example(), 'passwordless-registry:sources': [{ slug: 'github', platform: 'github' }, cluster] })
    const { inputs } = one('authentik:index/sourceOauth:SourceOauth', 'docker-registry-cluster')
    expect(JSON.parse(inputs.oidcJwks)).toEqual(jwks)
    expect(inputs).not.toHaveProperty('oidcJwksUrl')
  })

  it('renames a group in place when its setting changes: another one would have no members', async () => {
    await run({ ...example(), 'passwordless-registry:pushGroup': 'writers' })
    expect(one('authentik:index/group:Group', 'acl_docker_push').inputs.name).toBe('writers')
  })

  it('makes both groups, without members', async () => {
    await run({ ...example(), 'passwordless-registry:pushGroup': 'writers' })
    const groups = all('authentik:index/group:Group').map(({ inputs }) => [inputs.name, inputs.users])
    expect(Object.fromEntries(groups)).toEqual({
      writers: undefined,
      acl_docker_pull: undefined,
      'docker-registry-trust': undefined,
    })
    expect(all('authentik:index/user:User')).toEqual([])
  })
})

describe('outputs', () => {
  it('hand CI and people what they need, and no secret', async () => {
    const outputs = await run(example())
    expect(Object.keys(outputs).sort()).toEqual(
      ['registry', 'tokenUrl', 'issuer', 'clientId', 'audience', 'pushGroup', 'trust']
        .concat('certificate', 'jwks', 'githubWorkflow', 'gitlabCi', 'storage', 'volume')
        .concat('kubeletCredentialProvider', 'kubeletCredentialProviderConfig')
        .concat('githubWorkflowPlain', 'gitlabCiPlain')
        .sort(),
    )
    expect(outputs.githubWorkflow).toEqual(outputs.githubWorkflowPlain)
    for (const [key, { secret, value }] of Object.entries(outputs)) {
      expect(secret, `${key} is secret`).toBe(false)
      expect(String(value)).not.toContain('PRIVATE KEY')
      expect(String(value)).not.toContain('token-of-an-administrator')
    }
    expect(outputs).toMatchObject({
      registry: { value: 'registry.example.com' },
      tokenUrl: { value: 'https://registry.example.com/token' },
      issuer: { value: 'https://authentik.example.com/' },
      clientId: { value: 'docker-registry' },
      audience: { value: 'registry.example.com' },
      pushGroup: { value: 'acl_docker_push' },
      trust: {
        value: [
          expect.stringMatching(/^push to .*: GitHub repositories of owner 501 .* on a branch or a tag started by /),
        ],
      },
      certificate: { value: CERTIFICATE + CERTIFICATE },
    })
    const short = await run({ ...example(), 'passwordless-registry:ciSource': 'acme/passwordless-registry@v1.0.0' })
    expect(short.githubWorkflow?.value).toContain('uses: acme/passwordless-registry/ci/github@v1.0.0')
    expect(short.gitlabCi?.value).toContain('acme/passwordless-registry/v1.0.0/ci/gitlab/templates/login.yml')
    expect(short.githubWorkflowPlain).toEqual(outputs.githubWorkflowPlain)
    const { d } = createPrivateKey(PRIVATE_KEY).export({ format: 'jwk' })
    expect(JSON.parse(String(outputs.jwks?.value)).keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256' })
    expect(String(outputs.jwks?.value)).not.toContain(d)
  })
})

describe('an authentik that cannot be worked with', () => {
  it.each([
    ['is too old', 'admin/version', version('2025.12.4'), /2025\.12\.4, which is too old.*Nothing was changed\.$/],
    [
      'refuses the API token',
      'admin/version',
      json({ detail: 'no' }, 403),
      /refuses the API token.*Nothing was changed/,
    ],
    ['is something else', 'admin/version', json({}, 404), /is not authentik's API.*Nothing was changed/],
    ['hides its flows', 'flows/instances', list(), /no flow.*Nothing was changed/],
  ])('because it %s stops the program before anything is made', async (_, path, answer, sentence) => {
    authentik().answers[path] = answer
    const stopped = await run(example()).catch((error: Error) => error)
    expect(stopped).toBeInstanceOf(Error)
    expect(pulumi.RunError.isInstance(stopped)).toBe(true)
    expect((stopped as Error).message).toMatch(sentence)
    expect((stopped as Error).message).not.toContain('\n')
    expect(made()).toEqual([])
  })
})

describe('a wrong configuration', () => {
  it('stops the program before anything is made', async () => {
    const wrong = { 'passwordless-registry:host': 'https://registry.example.com', 'passwordless-registry:trust': [{}] }
    await expect(run({ ...example(), ...wrong })).rejects.toThrow(
      /passwordless-registry:host.*passwordless-registry:trust: rule 1/s,
    )
    expect(made()).toEqual([])
  })
})

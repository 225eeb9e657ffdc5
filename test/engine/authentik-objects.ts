/**
 * Sets up authentik through its HTTP API, as a person would by hand: CI sources, trust rules, and both providers with
 * the policy on their applications. What it runs are the expressions of the program.
 */
import 'reflect-metadata'
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509'
import { type ExpressionName, expression } from '../../infra/authentik/expressions.ts'
import { jwkOf, jwks, keyId } from '../../infra/authentik/jwks.ts'
import { REGISTRY_NAME, SESSION_NAME } from '../../infra/authentik/names.ts'
import { checkTrust } from '../../infra/trust.ts'
import { authentikSourceSlug, DOCUMENT_GROUP } from '../../trust/language/document.ts'

export const groups = { push: 'acl_docker_push', pull: 'acl_docker_pull' }

const SOURCE_PAGES = {
  authorization_url: 'https://unused.invalid',
  access_token_url: 'https://unused.invalid',
  profile_url: 'https://unused.invalid',
}

/** What is to be set up. */
export interface AuthentikObjects {
  url: string
  apiToken: string
  /** As a stack's `sources`, each with its `jwksUrl`. */
  sources: { slug: string; platform: string; jwksUrl: string; url?: string; issuer?: string }[]
  /** As a stack's `trust`. */
  rules: unknown
  audience: string
}

export interface SetUp {
  /** What the registry needs to know of the key that authentik signs with, both as text. */
  key: { certificate: string; jwks: string }
  /** The compiled rules, JSON. */
  document: string
  /** Replaces the rules, as `pulumi up` does. */
  setRules(rules: unknown): Promise<void>
  api: ApiClient
}

/** @throws what is wrong with the rules, or what authentik said */
export async function setUpAuthentik(wanted: AuthentikObjects): Promise<SetUp> {
  const api = apiClient(wanted)
  const compiled = (rules: unknown): string => {
    const { trust, mistakes } = checkTrust({ sources: wanted.sources, rules, audience: wanted.audience, groups })
    if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
    return trust.document
  }
  const document = compiled(wanted.rules)
  const documentGroup = await api.create('core/groups', { name: DOCUMENT_GROUP, attributes: JSON.parse(document) })
  for (const name of Object.values(groups)) await api.create('core/groups', { name })
  const policy = await api.create('policies/expression', {
    name: 'docker-registry-trust',
    expression: expression('trust_policy'),
  })
  const sources: (string | number)[] = []
  for (const { slug, jwksUrl } of wanted.sources) {
    const client = { provider_type: 'openidconnect', consumer_key: 'unused', consumer_secret: 'unused' }
    const keys = { ...SOURCE_PAGES, oidc_jwks_url: jwksUrl }
    const name = authentikSourceSlug(slug)
    sources.push((await api.create('sources/oauth', { name, slug: name, ...client, ...keys })).pk)
  }
  const signing = await signingKey()
  const pair = await api.create('crypto/certificatekeypairs', {
    name: REGISTRY_NAME,
    certificate_data: signing.certificate,
    key_data: signing.privateKey,
  })

  const application = async (name: string, mapped: ExpressionName, validity: string, federated: object) => {
    const mapping = await api.create('propertymappings/provider/scope', {
      name,
      scope_name: name,
      expression: expression(mapped),
    })
    const provider = await api.create('providers/oauth2', {
      name,
      client_id: name,
      // As the stack sets it: sessions are ended without a secret.
      client_type: name === SESSION_NAME ? 'public' : 'confidential',
      issuer_mode: 'global',
      authorization_flow: await api.flow('default-provider-authorization-implicit-consent'),
      invalidation_flow: await api.flow('default-provider-invalidation-flow'),
      access_token_validity: validity,
      signing_key: pair.pk,
      property_mappings: [mapping.pk],
      jwt_federation_sources: sources,
      // What 2026.2 does not know, it ignores.
      grant_types: ['client_credentials'],
      redirect_uris: [],
      ...federated,
    })
    const { pk: target } = await api.create('core/applications', { name, slug: name, provider: provider.pk })
    await api.create('policies/bindings', { policy: policy.pk, target, order: 0 })
    return provider.pk
  }
  const session = await application(SESSION_NAME, 'ci_session', 'hours=6', {})
  await application(REGISTRY_NAME, 'docker_registry', 'minutes=10', { jwt_federation_providers: [session] })
  return {
    key: { certificate: signing.certificate, jwks: jwks([jwkOf(signing.certificate, keyId(signing.privateKey))]) },
    document,
    setRules: async (rules) => {
      await api.call('PATCH', `core/groups/${documentGroup.pk}/`, { attributes: JSON.parse(compiled(rules)) })
    },
    api,
  }
}

type ApiClient = ReturnType<typeof apiClient>

function apiClient({ url, apiToken }: Pick<AuthentikObjects, 'url' | 'apiToken'>) {
  const call = async <Body>(method: string, path: string, body?: object): Promise<Body> => {
    const response = await fetch(`${url}/api/v3/${path}`, {
      method,
      headers: { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as Body
  }
  return {
    call,
    create: (path: string, body: object): Promise<{ pk: string | number }> => call('POST', `${path}/`, body),
    flow: async (slug: string): Promise<string | undefined> => {
      const { results } = await call<{ results: { pk: string }[] }>('GET', `flows/instances/?slug=${slug}`)
      return results[0]?.pk
    },
  }
}

async function signingKey(): Promise<{ certificate: string; privateKey: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${REGISTRY_NAME}`,
    keys,
    signingAlgorithm: algorithm,
  })
  const privateKey = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { certificate: certificate.toString('pem'), privateKey }
}

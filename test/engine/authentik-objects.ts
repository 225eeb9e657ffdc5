/** Sets up authentik through its HTTP API, as a person would by hand: one CI source, one provider for the registry. */
import 'reflect-metadata'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509'
import { renderExpression } from '../../infra/authentik/expression.ts'
import { jwks, keyId } from '../../infra/authentik/jwks.ts'
import { REGISTRY_NAME } from '../../infra/authentik/names.ts'
import { ciUserName } from '../../infra/authentik/user-name.ts'

const groups = { push: 'acl_docker_push', pull: 'acl_docker_pull' }
const expression = join(import.meta.dirname, '../../infra/authentik/expressions/docker_registry.py')

/** What is to be set up. */
export interface AuthentikObjects {
  url: string
  apiToken: string
  /** Where the keys of GitHub-shaped tokens are. */
  githubJwksUrl: string
  /** `sub` claims of the CI tokens that may push, and of those that may only pull. */
  pushSubjects: string[]
  pullSubjects: string[]
}

/** @returns what the registry needs to know of the key that authentik signs with, both as text */
export async function setUpAuthentik(wanted: AuthentikObjects): Promise<{ certificate: string; jwks: string }> {
  const api = apiClient(wanted)
  const [authorization, invalidation] = await Promise.all([
    api.flow('default-provider-authorization-implicit-consent'),
    api.flow('default-provider-invalidation-flow'),
  ])
  const source = await api.create('sources/oauth', {
    name: 'GitHub',
    slug: 'github',
    provider_type: 'openidconnect',
    consumer_key: 'unused',
    consumer_secret: 'unused',
    oidc_jwks_url: wanted.githubJwksUrl,
    authorization_url: wanted.githubJwksUrl,
    access_token_url: wanted.githubJwksUrl,
    profile_url: wanted.githubJwksUrl,
  })
  const signing = await signingKey()
  const certificate = await api.create('crypto/certificatekeypairs', {
    name: REGISTRY_NAME,
    certificate_data: signing.certificate,
    key_data: signing.privateKey,
  })
  const mapping = await api.create('propertymappings/provider/scope', {
    name: REGISTRY_NAME,
    scope_name: REGISTRY_NAME,
    expression: renderExpression(await readFile(expression, 'utf8'), {
      PUSH_GROUP: groups.push,
      PULL_GROUP: groups.pull,
    }),
  })
  const provider = await api.create('providers/oauth2', {
    name: REGISTRY_NAME,
    client_id: REGISTRY_NAME,
    client_type: 'confidential',
    authorization_flow: authorization,
    invalidation_flow: invalidation,
    access_token_validity: 'minutes=10',
    signing_key: certificate.pk,
    property_mappings: [mapping.pk],
    jwt_federation_sources: [source.pk],
    redirect_uris: [],
  })
  await api.create('core/applications', { name: 'Registry', slug: REGISTRY_NAME, provider: provider.pk })

  for (const [name, subjects] of [
    [groups.push, wanted.pushSubjects],
    [groups.pull, wanted.pullSubjects],
  ] as const) {
    const group = await api.create('core/groups', { name })
    for (const subject of subjects) {
      const username = ciUserName(subject)
      await api.create('core/users', { username, name: username, groups: [group.pk], type: 'service_account' })
    }
  }
  return { certificate: signing.certificate, jwks: jwks(signing.certificate, keyId(signing.privateKey)) }
}

function apiClient({ url, apiToken }: Pick<AuthentikObjects, 'url' | 'apiToken'>) {
  const call = async <Body>(method: string, path: string, body?: object): Promise<Body> => {
    const response = await fetch(`${url}/api/v3/${path}`, {
      method,
      headers: { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Body
  }
  return {
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

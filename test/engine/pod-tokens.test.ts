/**
 * Tokens of service accounts as a real API server signs them, at a token service that asks it: which are refused, and what
 * audit log and `npm run explain` say why.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { tokenReviewRules } from '../../infra/kubernetes/token-review.ts'
import { runExplain } from '../../trust/explain/explain-command.ts'
import { stackPolicy } from '../../trust/language/stack-policy.ts'
import type { TokenServiceProcess } from '../token-service.ts'
import { basic, useTokenService } from '../token-service-suite.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

const AUDIENCE = 'registry.example.com'
const SCOPE = 'repository:acme/app:pull'
const PROJECT = 'config: {}\n'
const STACK = `config:
  passwordless-registry:host: ${AUDIENCE}
  passwordless-registry:sources: [{ slug: github, platform: github }]
  passwordless-registry:clusterPulls: [shop]
  passwordless-registry:trust: [{ github: { owners: [{ name: acme, id: "501" }] } }]
`
/** The API server remembers for 10 s that a token was good, the token service for 5 s; and a busy machine takes its time. */
const DELETION_SEEN = { timeout: 45_000, interval: 500 }

const suite = useTokenService({ started: false })
let server: ApiServer
let folder: string
let service: TokenServiceProcess

beforeAll(async () => {
  server = await startApiServer()
  folder = await mkdtemp(join(tmpdir(), 'pod-tokens-'))
  for (const name of ['shop', 'other', 'registry']) {
    await server.request('POST', '/api/v1/namespaces', { metadata: { name } })
  }
  await account('registry', 'token-service')
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const metadata = { name: 'token-review' }
  await server.request('POST', `${rbac}/clusterroles`, { metadata, rules: tokenReviewRules })
  await server.request('POST', `${rbac}/clusterrolebindings`, {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'token-review' },
    subjects: [{ kind: 'ServiceAccount', name: 'token-service', namespace: 'registry' }],
  })
  for (const namespace of ['shop', 'other']) await account(namespace, 'app')

  const { issuer } = (await server.request('GET', '/.well-known/openid-configuration')) as { issuer: string }
  const jwks = await server.request('GET', '/openid/v1/jwks')
  const { policy } = stackPolicy(PROJECT, STACK, { issuer })
  await writeFile(join(folder, 'trust.json'), JSON.stringify(policy?.document))
  await writeFile(join(folder, 'issuers.json'), JSON.stringify([{ issuer, keys: { jwks } }]))
  await copyFile(server.certificate, join(folder, 'ca.crt'))
  await writeFile(join(folder, 'token'), await tokenOf('registry', 'token-service', {}))
})
beforeEach(async () => {
  const { hostname, port } = new URL(server.url)
  service = await suite.start({
    TRUST_FILE: join(folder, 'trust.json'),
    ISSUER_KEYS_FILE: join(folder, 'issuers.json'),
    CLUSTER_SOURCE: 'cluster',
    CLUSTER_FILES: folder,
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
  })
})
afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

const account = (namespace: string, name: string) =>
  server.request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } })

async function tokenOf(namespace: string, name: string, more: object = { audiences: [AUDIENCE] }): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`
  const spec = { expirationSeconds: 600, ...more }
  const { status } = (await server.request('POST', path, { spec })) as { status: { token: string } }
  return suite.secret(status.token)
}

/** A token with the claims of a real one, but other times (seconds from now), key, key id or issuer. */
async function signed(
  { iat = 0, exp = 600, iss }: { iat?: number; exp?: number; iss?: string },
  key: KeyObject = server.accountKey,
  keyId?: string,
): Promise<string> {
  const real = await tokenOf('shop', 'app')
  const now = Math.floor(Date.now() / 1000)
  const { alg = '', kid = '' } = decodeProtectedHeader(real)
  const claims = { ...decodeJwt(real), iat: now + iat, nbf: now + iat, exp: now + exp, ...(iss && { iss }) }
  return suite.secret(await new SignJWT(claims).setProtectedHeader({ alg, kid: keyId ?? kid }).sign(key))
}
/** As another cluster has it. */
const foreignKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

const ask = (token: string) =>
  suite.ask(basic('JWT', token), { query: `service=docker-registry&scope=${SCOPE}`, at: service })

const explain = (token: string) =>
  runExplain(['--token', '-', '--stack', 'prod', '--scope', SCOPE], {
    readFile: (path) => (path === 'Pulumi.yaml' ? PROJECT : STACK),
    readStandardInput: () => token,
    now: () => Math.floor(Date.now() / 1000),
  })

/** The last line of the audit log, which comes after the answer. */
const audited = (line: object) => vi.waitFor(() => expect(service.audit().at(-1)).toMatchObject(line))

it('of an account of a namespace that pulls is exchanged', async () => {
  const token = await tokenOf('shop', 'app')
  // RBAC takes a moment to be seen.
  await vi.waitFor(async () => expect((await ask(token)).status).toBe(200), DELETION_SEEN)
  await audited({ outcome: 'granted', subject: 'system:serviceaccount:shop:app' })
  expect(explain(token)).toMatchObject({ exitCode: 0, text: expect.stringContaining('granted by rule') })
})

const SIGNATURE = /authentik checks the signature/
it.each<[string, () => Promise<string>, string, RegExp]>([
  [
    'for another audience',
    () => tokenOf('shop', 'app', { audiences: ['vault'] }),
    'audience_wrong',
    /refused +audience/,
  ],
  ['for the API server itself', () => tokenOf('shop', 'app', {}), 'audience_wrong', /refused +audience/],
  [
    'of another namespace',
    () => tokenOf('other', 'app'),
    'no_rule_matches',
    /nearest +rule \d+: sub is "system:serviceaccount:other:app"/,
  ],
  ['of yesterday', () => signed({ iat: -7200, exp: -3600 }), 'token_expired', /refused +expired/],
  ['of tomorrow', () => signed({ iat: 3600, exp: 7200 }), 'token_not_yet_valid', /refused +not valid yet/],
  ['of a cluster with the same issuer', () => signed({}, foreignKey(), 'theirs'), 'key_unknown', SIGNATURE],
  ['of one that took over the key id, too', () => signed({}, foreignKey()), 'signature_invalid', SIGNATURE],
  [
    'of a cluster with an issuer of its own',
    () => signed({ iss: 'https://other.example.com' }, foreignKey(), 'theirs'),
    'issuer_unknown',
    /assumed +issuer "https:\/\/other.example.com"/,
  ],
])('%s is refused, and the reason is in the audit log and said by explain', async (_, make, reason, said) => {
  suite.upstream.answer = (_, response) => response.writeHead(400).end('{"error":"invalid_grant"}')
  const token = await make()
  const { status, error } = await ask(token)
  expect([status, error?.detail.reason]).toEqual([401, reason])
  await audited({ outcome: 'refused', reason })
  expect(explain(token).text).toMatch(said)
})

it.each<[string, () => Promise<[token: string, end: () => Promise<unknown>]>]>([
  [
    'an account',
    async () => {
      await account('shop', 'leaver')
      return [
        await tokenOf('shop', 'leaver'),
        () => server.request('DELETE', '/api/v1/namespaces/shop/serviceaccounts/leaver'),
      ]
    },
  ],
  [
    'a pod',
    async () => {
      const spec = { serviceAccountName: 'app', containers: [{ name: 'it', image: 'it' }] }
      const pod = { apiVersion: 'v1', kind: 'Pod', name: 'leaver' }
      const path = '/api/v1/namespaces/shop/pods'
      await server.request('POST', path, { metadata: { name: pod.name }, spec })
      const token = await tokenOf('shop', 'app', { audiences: [AUDIENCE], boundObjectRef: pod })
      return [token, () => server.request('DELETE', `${path}/${pod.name}`, { gracePeriodSeconds: 0 })]
    },
  ],
])('of %s that was deleted is refused, as the audit log says; explain says who would know', async (_, make) => {
  const [token, end] = await make()
  await vi.waitFor(async () => expect((await ask(token)).status).toBe(200), DELETION_SEEN)
  await end()
  await vi.waitFor(async () => expect((await ask(token)).status).toBe(401), DELETION_SEEN)
  await audited({ outcome: 'refused', reason: 'kubernetes_refused' })
  const calls = suite.upstream.received.length
  expect((await ask(token)).error?.message).toMatch(/its service account or its pod was deleted/)
  expect(suite.upstream.received).toHaveLength(calls)
  expect(explain(token).text).toContain('Account and pod still exist; the token service asks its own cluster')
})

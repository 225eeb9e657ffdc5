/** A registry, its token service and an authentik in one server, each answer of which a test can replace. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expression } from '../infra/authentik/expressions.ts'
import { REGISTRY_NAME, SESSION_NAME, TRUST_POLICY_NAME } from '../infra/authentik/names.ts'
import { answerJson } from '../test/fake-upstream.ts'

export interface FakeRegistry {
  readonly host: string
  /** By method and path, such as `GET /v2/`; the first whose key the request begins with. */
  readonly answers: Map<string, RequestListener>
  readonly asked: string[]
  [Symbol.asyncDispose](): Promise<void>
}

const ISSUER_KEYS = ['1', '2'].map((kid) => ({ kid, kty: 'EC', crv: 'P-256', x: kid, y: kid }))

const list = (results: object[]) => answerJson(200, { results })

/** The policy at both applications. @param more fields of that at the registry's */
export const bindings = (more: object = {}) =>
  [REGISTRY_NAME, SESSION_NAME].map((slug) => ({
    ...{ target: `of ${slug}`, policy: 'policy', enabled: true, negate: false, failure_result: false },
    ...(slug === REGISTRY_NAME && more),
  }))

export async function fakeRegistry(): Promise<FakeRegistry> {
  const answers = new Map<string, RequestListener>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { method, url = '' } = request
    asked.push(`${method} ${url}`)
    const found =
      [...answers].find(([key]) => `${method} ${url}`.startsWith(key)) ??
      [...usual].find(([key]) => `${method} ${url}`.startsWith(key))
    ;(found?.[1] ?? answerJson(404, {}))(request, response)
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const host = `localhost:${(server.address() as AddressInfo).port}`
  const url = `http://${host}`
  const refused = answerJson(401, { errors: [{ code: 'UNAUTHORIZED', message: 'no', detail: { requestId: 'r' } }] })
  const isJob = ({ headers }: IncomingMessage) =>
    Buffer.from(headers.authorization?.slice(6) ?? '', 'base64').toString() === 'JWT:session'
  let manifest = ''
  const usual = new Map<string, RequestListener>([
    [
      'GET /token',
      (request, response) =>
        (isJob(request) ? answerJson(200, { token: 'registry-token' }) : refused)(request, response),
    ],
    ['POST /token', answerJson(200, { token: 'x', refresh_token: 'session' })],
    ['POST /revoke', answerJson(200, {})],
    [
      'POST /v2/acme/app/blobs',
      (_, response) => response.writeHead(202, { location: '/v2/acme/app/blobs/uploads/1?state=x' }).end(),
    ],
    [
      'PUT /v2/acme/app/blobs',
      async (request, response) => {
        await text(request)
        response.writeHead(201).end()
      },
    ],
    [
      'PUT /v2/acme/app/manifests/doctor',
      async (request, response) => {
        manifest = await text(request)
        response.writeHead(201).end()
      },
    ],
    ['GET /v2/acme/app/manifests/doctor', (_, response) => response.end(manifest)],
    [
      'GET /v2/',
      (_, response) =>
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${url}/token",service="docker-registry"` }).end(),
    ],
    ['GET /-/health/ready/', (_, response) => response.writeHead(204).end()],
    ['GET /application/o/docker-registry/.well-known', answerJson(200, { issuer: `${url}/` })],
    ['GET /application/o/docker-registry/jwks/', answerJson(200, { keys: [{ kid: 'k' }] })],
    ['GET /keys', answerJson(200, { keys: ISSUER_KEYS })],
    ['GET /api/v3/admin/version/', answerJson(200, { version_current: '2026.8.0' })],
    [
      'GET /api/v3/policies/expression/',
      list([{ pk: 'policy', name: TRUST_POLICY_NAME, expression: expression('trust_policy') }]),
    ],
    [
      'GET /api/v3/propertymappings/provider/scope/',
      list([
        { name: REGISTRY_NAME, expression: `${expression('docker_registry')}\n` },
        { name: SESSION_NAME, expression: expression('ci_session') },
      ]),
    ],
    ['GET /api/v3/core/applications/', list([REGISTRY_NAME, SESSION_NAME].map((slug) => ({ pk: `of ${slug}`, slug })))],
    ['GET /api/v3/policies/bindings/', list(bindings())],
    ['GET /api/v3/sources/oauth/', list([{ oidc_jwks: { keys: ISSUER_KEYS } }])],
  ])
  return {
    host,
    answers,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

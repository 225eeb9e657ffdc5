/** The API server of a cluster, as far as it says who signs the tokens of its service accounts, and what has rolled out. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeCluster extends AsyncDisposable {
  /** A kubeconfig with one context, `production`. */
  readonly kubeconfig: string
  /** Paths that were asked for, with the token that came along. */
  readonly asked: string[]
  /** Status and body by path. */
  answers: Record<string, { status: number; body: string; type?: string }>
}

export const ISSUER = 'https://kubernetes.default.svc.cluster.local'
export const clusterKey = (kid: string) => ({ use: 'sig', kty: 'RSA', kid, alg: 'RS256', n: 'AQAB', e: 'AQAB' })
export const DISCOVERY = '/.well-known/openid-configuration'
export const KEYS = '/openid/v1/jwks'

export const published = (issuer: string, ...kids: string[]): FakeCluster['answers'] => ({
  [DISCOVERY]: { status: 200, body: JSON.stringify({ issuer, jwks_uri: 'https://10.0.0.1:6443/openid/v1/jwks' }) },
  // The media type of a real API server.
  [KEYS]: { status: 200, body: JSON.stringify({ keys: kids.map(clusterKey) }), type: 'application/jwk-set+json' },
})

/** A Deployment of two pods, so many of which are of the newest template. */
export function deployed(name: string, updated: number): FakeCluster['answers'] {
  const status = { observedGeneration: 3, replicas: 2, updatedReplicas: updated }
  const body = JSON.stringify({ metadata: { name, generation: 3 }, spec: { replicas: 2 }, status })
  return { [`/apis/apps/v1/namespaces/passwordless-registry/deployments/${name}`]: { status: 200, body } }
}

export async function startFakeCluster(): Promise<FakeCluster> {
  const server = createServer((request, response) => {
    fake.asked.push(`${request.url} ${request.headers.authorization}`)
    const { status, body, type = 'application/json' } = fake.answers[request.url ?? ''] ?? { status: 404, body: '{}' }
    response.writeHead(status, { 'content-type': type }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: FakeCluster = {
    kubeconfig: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'it', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'admin', user: { token: 'token-of-the-kubeconfig' } }],
      contexts: [{ name: 'production', context: { cluster: 'it', user: 'admin' } }],
      'current-context': 'production',
    }),
    asked: [],
    answers: { ...published(ISSUER, 'key-1'), ...deployed('token-service', 2), ...deployed('registry', 2) },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return fake
}

/**
 * Asks the API server of the own cluster whether a token of a service account still counts (TokenReview,
 * kubernetes.io): it knows which accounts and pods are gone, which signature and times do not show.
 */
import { join } from 'node:path'
import * as z from 'zod/mini'
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { OwnCluster } from '../own-cluster.ts'
import type { Outage } from './breaker.ts'
import { parseJson } from './exchange.ts'
import { ConnectionError, type Connections, createConnections } from './pool.ts'
import { isBroken } from './post-form.ts'

/** @returns whether the token counts for the audience. @throws TokenError `kubernetes_unavailable` */
export type ReviewToken = (token: string, audience: string) => Promise<boolean>

export interface TokenReviewDependencies {
  cluster: OwnCluster
  limits: Limits
  readFile: (path: string) => Promise<string>
}

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews'

/** An API server that ignores audiences names none; then the token may have been made for something else. */
const reviewed = z.object({
  status: z.object({ authenticated: z.optional(z.boolean()), audiences: z.optional(z.array(z.string())) }),
})

/** Makes the question. The service's own token and the cluster's authorities are read each time: both are replaced. */
export function createTokenReview({ cluster, limits, readFile }: TokenReviewDependencies): ReviewToken {
  const { apiServer, folder } = cluster
  // A pool has one place more, for a probe.
  const bounds = { ...limits, upstreamConnections: limits.clusterConnections - 1 }
  let known: { ca: string; connections: Connections } | undefined
  const connectionsBy = (ca: string): Connections => {
    if (known?.ca !== ca) known = { ca, connections: createConnections(apiServer.origin, bounds, undefined, ca) }
    return known.connections
  }
  const ask = async (token: string, audience: string) => {
    const [ca, own] = await Promise.all([readFile(join(folder, 'ca.crt')), readFile(join(folder, 'token'))])
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    }
    // Without an authority, Node would trust its built-in ones.
    if (!ca.includes('BEGIN CERTIFICATE')) throw unavailable({ cause: 'no_authority' })
    const connections = connectionsBy(ca)
    const untilMs = performance.now() + limits.tokenReviewMs
    const send = (fresh: boolean) =>
      connections.request({
        fresh,
        path: PATH,
        method: 'POST',
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${own.trim()}`,
          'content-type': 'application/json',
          'user-agent': 'passwordless-registry',
        },
        body: JSON.stringify(review),
        totalMs: untilMs - performance.now(),
        maxBytes: limits.tokenReviewBytes,
      })
    // Idle connections die unseen, for example when an API server is replaced.
    return await send(false).catch((error: unknown) => {
      if (!isBroken(error)) throw error
      return send(true)
    })
  }
  return async (token, audience) => {
    const { statusCode, text = '' } = await ask(token, audience).catch((error: unknown) => {
      if (error instanceof TokenError) throw error
      // A file that cannot be read, or no answer; its message may quote what was sent.
      const cause = error instanceof ConnectionError ? error.code : (error as NodeJS.ErrnoException).code
      throw unavailable({ cause: cause ?? 'unknown' })
    })
    const answer = reviewed.safeParse(parseJson(text)).data
    if (statusCode !== 201 || answer === undefined) throw unavailable({ status: statusCode })
    const { authenticated, audiences } = answer.status
    return authenticated === true && audiences?.includes(audience) === true
  }
}

/** For the circuit breaker in front of it: while the API server does not answer, clients learn so at once. */
export const clusterOutage: Outage = {
  reasons: new Set(['kubernetes_unavailable']),
  refuse: () => unavailable({ cause: 'circuit_open' }),
}

function unavailable(facts: Record<string, string | number>): TokenError {
  return new TokenError(
    'kubernetes_unavailable',
    'The API server of the cluster does not say whether this token still counts; try again in a few seconds, then tell ' +
      'the operator',
    facts,
  )
}

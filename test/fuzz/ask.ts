/**
 * Sends the token endpoint anything that a client may send, and checks all output: the answer, the log, the audit log.
 * It has to be an answer or a failure of the closed list, and no secret may be in any of it.
 */
import fc from 'fast-check'
import { refuseEarly } from '../../service/decision/early-refusal.ts'
import { TokenError } from '../../service/errors.ts'
import { errorAnswer } from '../../service/http/answer.ts'
import { limits } from '../../service/limits.ts'
import { createAudit, type Decision } from '../../service/operations/audit.ts'
import { createLog } from '../../service/operations/log.ts'
import type { Credential } from '../../service/request/credentials.ts'
import { createKeyedHash, createPresent } from '../../service/request/presented.ts'
import { createRequestCache } from '../../service/request-cache.ts'
import { Secret } from '../../service/secret.ts'
import { createTokenEndpoint, type TokenEndpoint } from '../../service/token.ts'
import type { Exchange } from '../../service/upstream/exchange.ts'
import { policy } from '../../trust/decision/policy.fixture.ts'
import { anyRequest, type RequestCase } from './requests.ts'

/** How many requests ended how: a test in which every one is refused at the door would prove little. */
export interface AskTally {
  cases: number
  granted: number
  /** By the reason of the failure. */
  refused: Map<string, number>
}

export type AskOutcome =
  | { readonly well: true; readonly seed: number; readonly tally: AskTally }
  | { readonly well: false; readonly seed: number; readonly tally: AskTally; readonly report: string }

/** What was wrong with one request; the message contains no part of it. */
export class Wrong extends Error {}

let written = ''
const sink = {
  write: (line: string) => {
    written += line
  },
}
const log = createLog('trace', sink)
const audit = createAudit(sink)
const keyed = createKeyedHash(Buffer.from('fuzz'))

function checkScopes(scopes: readonly string[]): void {
  if (scopes.length > limits.scopeCount) throw new Wrong('more scopes went to authentik than are allowed')
  if (new Set(scopes).size < scopes.length) throw new Wrong('a scope went to authentik twice')
  const long = scopes.some((scope) => scope.length > limits.scopeLength)
  // RFC 6749 §3.3; whatever else there is would end one scope and begin another.
  if (long || !scopes.every((scope) => /^[!#-[\]-~]+$/.test(scope)))
    throw new Wrong('what went to authentik is not a scope')
}

function checkCredential(credential: Credential): void {
  const texts =
    credential.kind === 'password' ? [credential.username, credential.password.reveal()] : [credential.jwt.reveal()]
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  if (bytes > limits.credentialBytes) throw new Wrong('a larger credential went to authentik than is allowed')
  // RFC 7617 §2
  const isControl = (character: string) => character < ' ' || character === '\x7f'
  if (texts.some((text) => text === '' || [...text].some(isControl))) {
    throw new Wrong('an empty credential, or one with a control character, went to authentik')
  }
}

/** authentik, which takes JWTs and knows no user: so no user name may appear. */
const exchange: Exchange = async ({ credential, scopes, onCall }) => {
  onCall?.()
  checkScopes(scopes)
  checkCredential(credential)
  if (credential.kind === 'password') throw new TokenError('credentials_refused', 'unknown user')
  return { token: new Secret('registry-token'), expiresInSeconds: 600, issuedAtMs: Date.now(), access: [] }
}

const ourEndpoint = createTokenEndpoint({
  requestCache: createRequestCache({
    limits,
    now: Date.now,
    keyed,
    policy: () => policy,
    revoked: { has: () => false },
  }),
  config: { jwtUsername: 'JWT', anonymous: { kind: 'none' }, clientId: 'docker-registry', anonymousRepositories: [] },
  limits,
  exchange: refuseEarly(exchange, { report: () => {}, limits, now: () => performance.now() }),
  sessionExchange: undefined,
  present: createPresent({ keyed, policy: () => policy, now: Date.now, sessions: false }),
  readFile: () => Promise.reject(new Error('no file is needed')),
  prepareAudit: audit.prepare,
  cleanUpUntilMs: () => undefined,
  count: () => {},
  now: Date.now,
})

/** It waits, and does not hang up. */
const client = { address: '', askedMs: 0, whenGone: () => () => {} }

/** @returns the reason of a failure; undefined where a token was given. @throws Wrong */
async function ask(
  { authorization, query, form, secrets }: RequestCase,
  endpoint: TokenEndpoint,
): Promise<string | undefined> {
  written = ''
  const decision: Decision = { requestId: 'id', clientAddress: '203.0.113.9', userAgent: '' }
  const request = form === undefined ? { authorization, query } : { form }
  const answered = await endpoint({ ...request, decision, client }).then(
    ({ status }) => ({ status, body: '', reason: undefined }),
    (error: unknown) => {
      if (!(error instanceof TokenError)) throw error
      const { requestId, clientAddress } = decision
      decision.reason = error.reason
      log.info({ requestId, clientAddress, reason: error.reason, ...error.facts, err: error }, 'not granted')
      return { ...errorAnswer(error, requestId), reason: error.reason }
    },
  )
  audit.write({ ...decision, status: answered.status })
  for (const hidden of secrets) {
    for (const text of [hidden, Buffer.from(hidden).toString('base64').slice(0, 20)]) {
      if (written.includes(text)) throw new Wrong('a secret is in the log')
      // The claims of a session or a CI token may appear; its signature, which is the secret here, may not.
      if (answered.body.includes(text)) throw new Wrong('a secret is in the answer')
    }
  }
  if (answered.status < 200 || answered.status >= 500) throw new Wrong(`the status is ${answered.status}`)
  return answered.reason
}

/**
 * Asks so many requests and stops at the first that is answered wrongly, made as small as it gets.
 * @param endpoint another one than ours, for the test of this test
 */
export async function askAnything(cases: number, seed: number, endpoint = ourEndpoint): Promise<AskOutcome> {
  const tally: AskTally = { cases: 0, granted: 0, refused: new Map() }
  const property = fc.asyncProperty(anyRequest, async (request) => {
    const reason = await ask(request, endpoint)
    tally.cases++
    if (reason === undefined) tally.granted++
    else tally.refused.set(reason, (tally.refused.get(reason) ?? 0) + 1)
  })
  const details = await fc.check(property, { numRuns: cases, seed })
  if (!details.failed) return { well: true, seed, tally }
  const report = [
    `a wrong answer with --seed ${seed} at request ${details.numRuns}: ${details.errorInstance}`,
    `the smallest request that shows it: ${JSON.stringify(details.counterexample?.[0])}`,
  ].join('\n')
  return { well: false, seed, tally, report }
}

import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { type FailureReason, TokenError } from '../errors.ts'
import type { Log } from '../operations/log.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { ExchangeRequest } from '../upstream/exchange.ts'
import { ANONYMOUS_SENTENCE, coverAnonymous, createAnonymousWarning } from './anonymous-refusal.ts'

const account: Credential = { kind: 'ci_token', jwt: new Secret('t'), anonymous: true }
const job: Credential = { kind: 'ci_token', jwt: new Secret('t') }

/** What a failure says to the client and to the operator. */
async function told(credential: Credential, error: Error) {
  const warned: unknown[] = []
  const exchange = coverAnonymous(
    async () => {
      throw error
    },
    (...warning) => warned.push(warning),
  )
  const request: ExchangeRequest = { credential: presented(credential), scopes: [], requestId: 'id' }
  const thrown = await exchange(request).catch((cause: unknown) => cause)
  return { thrown, warned }
}

describe('coverAnonymous', () => {
  it.each<FailureReason>([
    ...(['issuer_unknown', 'audience_wrong', 'no_rule_matches', 'key_unknown', 'signature_invalid'] as const),
    ...(['key_refused', 'authentik_refused', 'credentials_refused', 'token_expired'] as const),
  ])('tells the operator why, and the client that it may log in: %s', async (reason) => {
    const { thrown, warned } = await told(account, new TokenError(reason, 'issuer is "https://a.example"'))
    expect(thrown).toMatchObject({ reason, message: ANONYMOUS_SENTENCE })
    expect(warned).toEqual([[reason, 'issuer is "https://a.example"', 'id']])
  })

  it('leaves alone what is no refusal, and whoever is logged in', async () => {
    const down = new TokenError('upstream_timeout', 'too late')
    expect(await told(account, down)).toEqual({ thrown: down, warned: [] })
    const crash = new Error('a mistake in here')
    expect(await told(account, crash)).toEqual({ thrown: crash, warned: [] })
    const refused = new TokenError('issuer_unknown', 'issuer is "x"')
    expect(await told(job, refused)).toEqual({ thrown: refused, warned: [] })
  })
})

describe('createAnonymousWarning', () => {
  it('says what is wrong and what helps, each reason once in a while', () => {
    let nowMs = 0
    const lines: unknown[] = []
    const log = { warn: (fields: object, message: string) => lines.push({ ...fields, message }) } as unknown as Log
    const warn = createAnonymousWarning(log, () => nowMs, 60_000)
    const line = (fields: object) => expect.objectContaining({ message: 'nothing is granted without login', ...fields })
    warn('issuer_unknown', 'issuer is "https://a.example"', 'one')
    warn('issuer_unknown', 'issuer is "https://a.example"', 'two')
    warn('key_unknown', 'no such key', 'three')
    warn('token_expired', 'expired 42 s ago', 'four')
    nowMs = 60_000
    warn('issuer_unknown', 'issuer is "https://a.example"', 'five')
    expect(lines).toEqual([
      line({
        requestId: 'one',
        why: 'issuer is "https://a.example"',
        hint: expect.stringContaining('kubectl get --raw /.well-known/openid-configuration'),
      }),
      line({ requestId: 'three', hint: expect.stringContaining('kubectl get --raw /openid/v1/jwks') }),
      line({ requestId: 'four' }),
      line({ requestId: 'five' }),
    ])
  })
})

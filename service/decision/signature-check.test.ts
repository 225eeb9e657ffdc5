import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { audience, githubClaims, policy } from '../../trust/decision/policy.fixture.ts'
import type { Policy } from '../../trust/decision/policy.ts'
import type { Credential } from '../request/credentials.ts'
import { Secret } from '../secret.ts'
import type { IssuedToken } from '../upstream/exchange.ts'
import { createRefusedKeys } from './refused-keys.ts'
import type { SignatureVerdict } from './signature.ts'
import { checkSignatures, OWN_KEY } from './signature-check.ts'

const issued: IssuedToken = { token: new Secret('t'), expiresInSeconds: 600, issuedAtMs: 0, access: [] }
const github = githubClaims.iss

const jobToken = unsignedToken({ ...githubClaims, aud: audience })
const sessionToken = unsignedToken({
  iss: 'https://authentik.example.com/',
  aud: ['ci-session', 'docker-registry'],
  ci: { source: 'github', claims: githubClaims },
})
const job: Credential = { kind: 'ci_token', jwt: new Secret(jobToken) }
const session: Credential = { kind: 'session', jwt: new Secret(sessionToken) }

/** Asks for a token with a credential whose signature is found to be so, and tells who was asked about it. */
async function ask(credential: Credential, verdict: SignatureVerdict, rules: Policy | undefined = policy) {
  const checked: string[][] = []
  let asked = 0
  const check = (whose: string) => async (issuer: string, token: string) => {
    checked.push([whose, issuer, token])
    return verdict
  }
  const exchange = checkSignatures(
    async () => {
      asked += 1
      return issued
    },
    {
      issuers: check('issuers'),
      sessions: check('sessions'),
      keys: createRefusedKeys(),
      keyConflict: async () => [],
    },
  )
  const answer = await exchange({ credential: presented(credential, rules), scopes: [], requestId: 'id' }).then(
    (token) => (token === issued ? 'issued' : 'another token'),
    (error) => `${error.reason}: ${error.message}`,
  )
  return { answer, asked, checked }
}

describe('checkSignatures', () => {
  it.each<SignatureVerdict>(['good', 'unchecked'])(
    'leaves it to authentik where the signature is %s',
    async (verdict) => {
      for (const credential of [job, session]) {
        expect(await ask(credential, verdict)).toMatchObject({ answer: 'issued', asked: 1 })
      }
    },
  )

  it.each<[string, Credential, SignatureVerdict, string]>([
    [
      'a job',
      job,
      'signature_invalid',
      `signature_invalid: The CI token is refused: its signature is not by the key of ${github} that it names; get a new one, unchanged`,
    ],
    [
      'a job',
      job,
      'key_unknown',
      `key_unknown: The CI token is refused: ${github} has no key of the id that it names; get a new one, unchanged`,
    ],
    [
      'a session',
      session,
      'signature_invalid',
      'signature_invalid: The session is refused: its signature is not by the key of this registry that it names; get a new one, unchanged',
    ],
    [
      'a session',
      session,
      'key_unknown',
      'key_unknown: The session is refused: this registry has no key of the id that it names; get a new one, unchanged',
    ],
  ])('tells %s with %s %s, and asks nobody else', async (_, credential, verdict, sentence) => {
    expect(await ask(credential, verdict)).toMatchObject({ answer: sentence, asked: 0 })
  })

  it('asks for the keys of the issuer that the rules know, or for our own about a session', async () => {
    expect((await ask(job, 'good')).checked).toEqual([['issuers', github, jobToken]])
    expect((await ask(session, 'good')).checked).toEqual([['sessions', OWN_KEY, sessionToken]])
  })

  it('takes a session for one wherever it stands, and never by the keys of a job', async () => {
    const asPassword: Credential = { kind: 'ci_token', jwt: session.jwt }
    expect((await ask(asPassword, 'good')).checked).toEqual([['sessions', OWN_KEY, sessionToken]])
  })

  it.each<[string, Credential, Policy | undefined]>([
    ['a password', { kind: 'password', username: 'deploy', password: new Secret(jobToken) }, policy],
    [
      'a token that the rules refuse, which is a sample',
      { kind: 'ci_token', jwt: new Secret(unsignedToken({ iss: 'x' })) },
      policy,
    ],
  ])('does not look at %s', async (_, credential, rules) => {
    expect(await ask(credential, 'signature_invalid', rules)).toMatchObject({ answer: 'issued', asked: 1, checked: [] })
  })
})

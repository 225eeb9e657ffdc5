/** authentik's token endpoint: a credential and scopes go in, a registry token comes out. */
import * as z from 'zod/mini'
import type { Access } from '../../trust/decision/decide.ts'
import type { Config } from '../config.ts'
import { readGrant } from '../decision/access.ts'
import { TokenError } from '../errors.ts'
import type { Credential } from '../request/credentials.ts'
import type { Presented } from '../request/presented.ts'
import { Secret } from '../secret.ts'
import type { Caller, Callers } from './callers.ts'
import { type PostForm, type UpstreamAnswer, unusableSentence } from './post-form.ts'

/** What one exchange needs. */
export interface ExchangeRequest {
  credential: Presented
  /** As the client gave them; for a client without credentials, only what is open. */
  scopes: readonly string[]
  /** What the client asked for, where that is more than `scopes`. */
  asked?: readonly string[]
  /** Whether the client logs in: it asks for something to keep. */
  offline?: boolean
  requestId: string
  /** Called when authentik is really asked. */
  onCall?: () => void
  /** Gets the id under which authentik itself knows the request. */
  onAnswer?: (authentikId: string) => void
  /** The client that waits for the answer; none where the service asks for itself. */
  caller?: Caller
  /** All that wait for it, where it is shared; set by the cache. */
  callers?: Callers
  /** Ends the call when all that wait for it have hung up; set by the gate. */
  abandoned?: AbortSignal
  /** Whether the signature of the credential was checked here and is good; set by that check. */
  verified?: boolean
}

/** A token for the registry. */
export interface IssuedToken {
  token: Secret
  expiresInSeconds: number
  /**
   * Milliseconds since 1970; taken before authentik was asked, so that the token never counts for longer than it is
   * valid.
   */
  issuedAtMs: number
  /** What the token itself says that it grants; undefined where it cannot be read. */
  access: readonly Access[] | undefined
  /** Where it is a session, the token of a CI job to log in with again: for whom, by its claim `aud`. */
  session?: { readonly audience: readonly string[] }
  /** Milliseconds since 1970 up to which the cache would give it again to the same request; undefined outside of it. */
  reusableUntilMs?: number
}

/** A call to authentik. @throws TokenError `client_id_unknown`, `client_gone` or `upstream_*` */
export type Call<Result> = (request: ExchangeRequest) => Promise<Result>

/** @throws TokenError as a call does, `credentials_refused` or `subject_too_long` */
export type Exchange = Call<IssuedToken>

/** RFC 7523 §2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** RFC 6749 §5.1; `expires_in` is only recommended there, and absent means the registry's shortest life. */
const success = z.object({
  access_token: z.string().check(z.regex(/^[\x21-\x7e]+$/)), // RFC 6749 appendix A.12
  expires_in: z._default(z.number().check(z.int(), z.positive()), 60),
})
/** RFC 6749 §5.2. */
const refusal = z.object({ error: z.string() })

/**
 * Makes the exchange.
 * @param config which application of authentik gives the tokens: the registry's, or that of sessions
 * @param now milliseconds since 1970
 */
export function createExchange(
  config: Pick<Config, 'clientId' | 'scope'>,
  post: PostForm,
  now: () => number,
): Exchange {
  return async ({ credential, scopes, requestId, abandoned, onCall, onAnswer }) => {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: config.clientId,
      scope: [config.scope, ...scopes].join(' '),
      ...proof(credential),
    })
    const issuedAtMs = now()
    onCall?.()
    const answer = await post(form, requestId, abandoned)
    if (answer.authentikId !== undefined) onAnswer?.(answer.authentikId)
    return interpret(answer, { credential, issuedAtMs, clientId: config.clientId })
  }
}

function proof(credential: Credential): Record<string, string> {
  if (credential.kind !== 'password') {
    return { client_assertion_type: JWT_BEARER, client_assertion: credential.jwt.reveal() }
  }
  return { username: credential.username, password: credential.password.reveal() }
}

function interpret(
  answer: UpstreamAnswer,
  { credential, issuedAtMs, clientId }: { credential: Credential; issuedAtMs: number; clientId: string },
): IssuedToken {
  const { status } = answer
  const body = answer.mediaType === 'application/json' ? parseJson(answer.text) : undefined
  if (status === 200) {
    const { data } = success.safeParse(body)
    if (data) {
      const { access_token: token, expires_in: expiresInSeconds } = data
      return { token: new Secret(token), expiresInSeconds, issuedAtMs, ...readGrant(token) }
    }
  }
  if (status === 400 || status === 401) {
    const error = refusal.safeParse(body).data?.error
    if (error === 'invalid_grant') throw new TokenError('credentials_refused', refusedSentence(credential), { status })
    if (error === 'invalid_client') {
      throw new TokenError(
        'client_id_unknown',
        'The login server (authentik) does not know this token service; the operator must correct its client id',
        { status, clientId },
      )
    }
  }
  // Seen: authentik answers this when it cannot store the user name that it makes of provider name and `sub`.
  if (status === 405 && answer.text === '' && credential.kind !== 'password') {
    throw new TokenError(
      'subject_too_long',
      'authentik cannot make a user of this token: provider name and "sub" have more than 150 characters together; ' +
        'shorten what "sub" is made of (names of repository, branch and environment), or its template on the platform',
      { status },
    )
  }
  throw new TokenError('upstream_unusable', unusableSentence, { status, bytes: answer.text.length })
}

/** authentik gives one text for every refusal, so we can only say what to check. */
function refusedSentence(credential: Credential): string {
  if (credential.anonymous) return 'Nothing is granted without login; log in first'
  if (credential.kind === 'password') {
    return 'authentik refused user name and password; the password must be an app password of a user with access'
  }
  if (credential.kind === 'session') {
    return 'authentik refused the session: it has expired, was revoked, or its user was deactivated; log in again'
  }
  return (
    'authentik refused the CI token: it has expired (GitHub: after 5 minutes), or no source in authentik trusts who ' +
    'signed it, or its repository may not log in; get a new one right before the push'
  )
}

/** JSON.parse quotes the text in its error, so the error goes no further. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

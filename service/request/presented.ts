/**
 * A credential with everything that is known about it, found out once for each request: decoded, digested and compared
 * with the rules. Everything between the client and authentik takes this one value. Nothing of it is verified yet.
 */
import { hash } from 'node:crypto'
import { type DecodedToken, decodeToken } from '../../trust/decision/decode-token.ts'
import type { Policy } from '../../trust/decision/policy.ts'
import { type Advised, advise } from '../decision/advice.ts'
import type { Credential } from './credentials.ts'

export type Presented = Credential & {
  /**
   * A keyed hash, good in this process only, under which answers are remembered: whoever reads its memory cannot try
   * credentials against it.
   */
  readonly key: string
  /**
   * SHA-256 of a token, in hex: who holds the token finds its lines. Undefined for a password, which could be guessed.
   */
  readonly sha256: string | undefined
  /** Undefined for a password, and for what is not a JWT. */
  readonly token: DecodedToken | undefined
  /** Undefined for a password, and where no rules are loaded. */
  readonly advised: Advised | undefined
}

export type Present = (credential: Credential) => Presented

/** A hash that only this process can make. */
export type KeyedHash = (text: string) => string

/**
 * SHA-256 over a secret and the text. An HMAC would keep others from lengthening what was hashed; no hash leaves this
 * process, and its key would be set up again for each request.
 * @param secret made at start and never written anywhere
 */
export function createKeyedHash(secret: Buffer): KeyedHash {
  const prefix = secret.toString('hex')
  return (text) => hash('sha256', prefix + text, 'base64url')
}

export interface PresentDependencies {
  keyed: KeyedHash
  /** The rules as they are now. */
  policy: () => Policy | undefined
  /** Milliseconds since 1970. */
  now: () => number
  /** Whether a client can have a session. */
  sessions: boolean
}

export function createPresent({ keyed, policy, now, sessions }: PresentDependencies): Present {
  return (credential) => {
    // The kind is part of what is hashed: a session as a CI token is another question to authentik.
    const kind = `${credential.kind}${credential.anonymous ? ' anonymous' : ''}`
    if (credential.kind === 'password') {
      const key = keyed(`${kind} ${credential.username}\0${credential.password.reveal()}`)
      return { ...credential, key, sha256: undefined, token: undefined, advised: undefined }
    }
    const text = credential.jwt.reveal()
    const sha256 = tokenSha256(text)
    const token = decodeToken(text)
    const rules = policy()
    const advised = rules && advise(rules, token, now(), sessions)
    return { ...credential, key: keyed(`${kind} ${sha256}`), sha256, token, advised }
  }
}

/** How the audit log names a token. */
export function tokenSha256(token: string): string {
  return hash('sha256', token, 'hex')
}

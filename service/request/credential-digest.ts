/**
 * What stands for a credential where it must not stand itself: in the audit log, and as key of what is remembered.
 */
import { hash } from 'node:crypto'
import type { Credential } from './credentials.ts'

export interface CredentialDigest {
  /** SHA-256 of a token, in hex: who holds the token finds its lines. Undefined for a password, which could be guessed. */
  readonly sha256: string | undefined
  /** A keyed hash, good in this process only: nobody who reads its memory can try credentials against it. */
  readonly key: string
}

export type DigestCredential = (credential: Credential) => CredentialDigest

/** A hash that only this process can make. */
export type KeyedHash = (text: string) => string

/**
 * SHA-256 over a secret and the text. An HMAC would keep others from lengthening what was hashed; no hash leaves this
 * process, and its key would be set up anew for each request.
 * @param secret made at start and never written anywhere
 */
export function createKeyedHash(secret: Buffer): KeyedHash {
  const prefix = secret.toString('hex')
  return (text) => hash('sha256', prefix + text, 'base64url')
}

export function createCredentialDigest(keyed: KeyedHash): DigestCredential {
  // Several parts of one request ask; it is computed once.
  const known = new WeakMap<Credential, CredentialDigest>()
  return (credential) => {
    const before = known.get(credential)
    if (before !== undefined) return before
    const digest = compute(credential, keyed)
    known.set(credential, digest)
    return digest
  }
}

function compute(credential: Credential, keyed: KeyedHash): CredentialDigest {
  // The kind is part of what is hashed: a session as a CI token is another question to authentik.
  const kind = `${credential.kind}${credential.anonymous ? ' anonymous' : ''}`
  if (credential.kind === 'password') {
    return { sha256: undefined, key: keyed(`${kind} ${credential.username}\0${credential.password.reveal()}`) }
  }
  const sha256 = hash('sha256', credential.jwt.reveal(), 'hex')
  return { sha256, key: keyed(`${kind} ${sha256}`) }
}

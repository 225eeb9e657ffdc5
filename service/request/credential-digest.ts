/**
 * What stands for a credential where it must not stand itself: in the audit log, and as key of what is remembered.
 */
import { createHmac, hash } from 'node:crypto'
import type { Credential } from './credentials.ts'

export interface CredentialDigest {
  /** SHA-256 of a token, in hex: who holds the token finds its lines. Undefined for a password, which could be guessed. */
  readonly sha256: string | undefined
  /** A keyed hash, good in this process only: nobody who reads its memory can try credentials against it. */
  readonly key: string
}

export type DigestCredential = (credential: Credential) => CredentialDigest

/** @param secret made at start and never written anywhere */
export function createCredentialDigest(secret: Buffer): DigestCredential {
  // Several parts of one request ask; it is computed once.
  const known = new WeakMap<Credential, CredentialDigest>()
  return (credential) => {
    const before = known.get(credential)
    if (before !== undefined) return before
    // The kind is part of what is hashed: a session as a CI token is another question to authentik.
    const text =
      credential.kind === 'password'
        ? `${credential.username}\0${credential.password.reveal()}`
        : credential.jwt.reveal()
    const sha256 = hash('sha256', text, 'hex')
    const who = `${credential.kind} ${credential.anonymous ?? false} ${sha256}`
    const key = createHmac('sha256', secret).update(who).digest('base64url')
    const digest = { sha256: credential.kind === 'password' ? undefined : sha256, key }
    known.set(credential, digest)
    return digest
  }
}

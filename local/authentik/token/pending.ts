/**
 * What a person has allowed and a client has not fetched yet: authorization codes, device codes, and refresh tokens.
 * Kept in memory only: a restart of the stand-in forgets them, as it may.
 */
import { randomText } from '../secrets.ts'

const CODE_CHARACTERS = 32
/** Digits of the code that a person types for a device. */
const USER_CODE_DIGITS = 9

/** Whom and what a later token is for. */
export interface Grant {
  /** `pk` of the provider. */
  provider: number
  scope: string[]
  /** `pk` of the user; a device has none until a person allows it. */
  user?: number
  /** Milliseconds since the epoch. */
  expires: number
  /** Of an authorization code: where it was sent. */
  redirectUri?: string
}

export class PendingGrants {
  readonly codes = new Map<string, Grant>()
  readonly devices = new Map<string, Grant & { userCode: string }>()
  readonly refreshTokens = new Map<string, Grant>()

  /** @returns the key under which the grant is kept */
  keep<T extends Grant>(kept: Map<string, T>, grant: T): string {
    const key = randomText(CODE_CHARACTERS)
    kept.set(key, grant)
    return key
  }

  newUserCode(): string {
    return Array.from({ length: USER_CODE_DIGITS }, () => Math.floor(Math.random() * 10)).join('')
  }
}

/** The grants that rest on what a person allowed before: authorization code, device code, refresh token. */
import type { OAuth2Provider, User } from '../rows.ts'
import type { Store } from '../store.ts'
import { last } from './client.ts'
import type { Grant, PendingGrants } from './pending.ts'
import { Refused } from './refusal.ts'

/** Scope without which authentik gives no refresh token. */
export const OFFLINE_ACCESS = 'offline_access'

/** The user and the scopes of the token to come. */
export interface Granted {
  user: User
  scope: string[]
}

interface Asked {
  form: URLSearchParams
  provider: OAuth2Provider
  scope: string[]
}

/** @throws Refused where the code is unknown or was issued for another redirect URI */
export function redeemCode({ form, provider }: Asked, pending: PendingGrants, store: Store, now: number): Granted {
  const code = last(form, 'code') ?? ''
  const grant = taken(pending.codes.get(code), provider, now)
  if (grant.redirectUri !== last(form, 'redirect_uri')) throw new Refused('invalid_grant', 'another redirect URI')
  pending.codes.delete(code)
  return granted(grant, store)
}

/** @throws Refused `authorization_pending` until a person has allowed the device */
export function redeemDevice({ form, provider }: Asked, pending: PendingGrants, store: Store, now: number): Granted {
  const code = last(form, 'device_code') ?? ''
  const grant = taken(pending.devices.get(code), provider, now)
  if (grant.user === undefined) throw new Refused('authorization_pending', 'the person has not allowed the device yet')
  pending.devices.delete(code)
  return granted(grant, store)
}

/** Each refresh token is good for one more pair. */
export function redeemRefresh(asked: Asked, pending: PendingGrants, store: Store, now: number): Granted {
  const token = last(asked.form, 'refresh_token') ?? ''
  const grant = taken(pending.refreshTokens.get(token), asked.provider, now)
  const scope = asked.scope.length === 0 ? grant.scope : asked.scope
  if (!scope.includes(OFFLINE_ACCESS) || scope.some((name) => !grant.scope.includes(name))) {
    throw new Refused('invalid_scope', 'more than was granted, or no offline access')
  }
  pending.refreshTokens.delete(token)
  return granted(grant, store)
}

function taken(grant: Grant | undefined, provider: OAuth2Provider, now: number): Grant {
  if (grant?.provider !== provider.pk) throw new Refused('invalid_grant', 'no such code or token')
  if (grant.expires <= now) throw new Refused('invalid_grant', 'the code or token has expired')
  return grant
}

function granted({ user: pk, scope }: Grant, store: Store): Granted {
  const user = pk === undefined ? undefined : store.get('users', pk)
  if (!user) throw new Refused('invalid_grant', 'the user is gone')
  return { user, scope }
}

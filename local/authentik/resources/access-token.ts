import { resource } from '../resource.ts'
import type { OAuth2Provider, User } from '../rows.ts'
import { isSince } from '../version.ts'
import { partialProvider, presentProvider } from './provider.ts'
import { presentUser } from './user.ts'

/** Access tokens are made by the token endpoint alone; over the API they are seen, and revoked by deleting them. */
export const accessTokens = resource<'accessTokens'>({
  kind: 'accessTokens',
  path: 'oauth2/access_tokens',
  lookup: 'pk',
  model: 'AccessToken',
  label: 'OAuth2 Access Token',
  methods: ['GET', 'DELETE'],
  present({ token: _secret, provider, user, ...shown }, { store, clock, version }) {
    const issuedBy = store.get('providers', provider) as OAuth2Provider
    return {
      ...shown,
      provider: isSince('2026.5', version)
        ? partialProvider(issuedBy, store)
        : presentProvider(issuedBy, store, version),
      user: presentUser(store.get('users', user) as User, store),
      is_expired: Date.parse(shown.expires) <= clock(),
    }
  },
})

/** What a provider's application publishes: its issuer and its discovery document. */
import { ExpressionFailed, type Expressions } from './expressions/worker.ts'
import type { HttpRequest } from './http.ts'
import type { Application, OAuth2Provider, ScopeMapping } from './rows.ts'
import { signingKey } from './signing.ts'
import type { Store } from './store.ts'
import { GRANT_TYPES_BEFORE_2026_5 } from './token/grant-types.ts'
import { isSince } from './version.ts'

/** Authentication context class of every token that authentik issues. */
export const ACR = 'goauthentik.io/providers/oauth2/default'

/** The `iss` of tokens: made from the request's own host and scheme, so it differs by the name a client uses. */
export const issuerOf = (provider: OAuth2Provider, application: Application, origin: string): string =>
  provider.issuer_mode === 'global' ? `${origin}/` : `${origin}/application/o/${application.slug}/`

/** A provider's scope mappings, by scope name. */
export const mappingsOf = (provider: OAuth2Provider, store: Store): ScopeMapping[] =>
  provider.property_mappings
    .flatMap((pk) => store.get('scopeMappings', pk) ?? [])
    .sort((a, b) => (a.scope_name < b.scope_name ? -1 : 1))

/** `/application/o/<slug>/.well-known/openid-configuration` (OpenID Connect Discovery 1.0). */
export async function discoveryDocument(
  provider: OAuth2Provider,
  application: Application,
  request: HttpRequest,
  { store, expressions, version }: { store: Store; expressions: Expressions; version: string },
): Promise<object> {
  const base = `${request.origin}/application/o`
  const own = `${base}/${application.slug}`
  const scopes = mappingsOf(provider, store).map((mapping) => mapping.scope_name)
  const grantTypes = isSince('2026.5', version) ? (provider.grant_types ?? []) : GRANT_TYPES_BEFORE_2026_5
  return {
    issuer: issuerOf(provider, application, request.origin),
    authorization_endpoint: `${base}/authorize/`,
    token_endpoint: `${base}/token/`,
    userinfo_endpoint: `${base}/userinfo/`,
    end_session_endpoint: `${own}/end-session/`,
    introspection_endpoint: `${base}/introspect/`,
    revocation_endpoint: `${base}/revoke/`,
    device_authorization_endpoint: `${base}/device/`,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    response_types_supported: [
      'code',
      'id_token',
      'id_token token',
      'code token',
      'code id_token',
      'code id_token token',
    ],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    jwks_uri: `${own}/jwks/`,
    grant_types_supported: grantTypes,
    id_token_signing_alg_values_supported: [signingKey(provider, store).algorithm],
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    acr_values_supported: [ACR],
    scopes_supported: [...new Set([...scopes, 'openid'])],
    request_parameter_supported: false,
    claims_supported: [
      ...['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'acr', 'amr', 'nonce'],
      ...(await mappedClaims(provider, request, store, expressions)),
    ],
    claims_parameter_supported: false,
    code_challenge_methods_supported: ['plain', 'S256'],
  }
}

/** The claims that the mappings write, found as authentik finds them: by running each without a user. */
async function mappedClaims(
  provider: OAuth2Provider,
  request: HttpRequest,
  store: Store,
  expressions: Expressions,
): Promise<string[]> {
  const names = new Set<string>()
  for (const mapping of mappingsOf(provider, store)) {
    const from = { request, form: new URLSearchParams(), user: undefined }
    const token = { provider, scope: [mapping.scope_name], expires: 0 }
    const claims = await expressions.claims(mapping, token, from).catch((error: unknown) => {
      if (error instanceof ExpressionFailed) return {} // It may need a real user.
      throw error
    })
    for (const name of Object.keys(claims)) names.add(name)
  }
  return [...names]
}

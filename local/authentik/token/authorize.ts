/** `GET /application/o/authorize/`: the grants by which a person in a browser gives a client a token. */
import { Answer, type HttpRequest } from '../http.ts'
import type { JsonObject, OAuth2Provider } from '../rows.ts'
import { allowsGrant, knownScopes } from './client.ts'
import type { GrantType } from './grant-types.ts'
import { issueTokens } from './issue.ts'
import { personOf } from './person.ts'
import { policiesPass } from './policies.ts'
import type { TokenServices } from './services.ts'

/** `access_code_validity`: the stand-in's codes all live a minute, authentik's default. */
const CODE_LIFETIME_MS = 60_000

/** Answers with a redirect to the client that carries the code (authorization code, hybrid) or the token (implicit). */
export async function answerAuthorize(request: HttpRequest, services: TokenServices): Promise<Answer> {
  const { store, clock, version, pending } = services
  const { query } = request
  const provider = store.find('providers', (candidate) => candidate.client_id === query.get('client_id'))
  const application = store.find('applications', (candidate) => candidate.provider === provider?.pk)
  if (!provider || !application) return page(400, 'The client identifier (client_id) is missing or invalid.')
  const redirectUri = query.get('redirect_uri') ?? ''
  if (!(await redirectAllowed(provider, redirectUri, services))) {
    return page(400, 'The request fails due to a missing, invalid, or mismatching redirection URI (redirect_uri).')
  }
  const types = new Set((query.get('response_type') ?? '').split(' '))
  const grant = grantOf(types)
  if (!grant || !allowsGrant(provider, grant, version)) return page(400, 'The provider does not allow this grant.')
  const user = personOf(request, store, clock())
  const scope = knownScopes(query.get('scope'), provider, store)
  const from = { request, form: new URLSearchParams(), user }
  const context = { oauth_scopes: scope, oauth_grant_type: grant }
  if (!(await policiesPass(application, context, from, services))) return page(403, 'Permission denied')

  const answer = new URLSearchParams({ state: query.get('state') ?? '' })
  if (types.has('code')) {
    const expires = clock() + CODE_LIFETIME_MS
    const code = { provider: provider.pk, user: user.pk, scope, expires, redirectUri }
    answer.set('code', pending.keep(pending.codes, code))
  }
  if (grant !== 'authorization_code') {
    const tokens = await issueTokens({ provider, application, scope }, user, from, services)
    await store.save()
    for (const name of shownTokens(types)) answer.set(name, String(tokens[name]))
  }
  const separator = grant === 'authorization_code' ? '?' : '#'
  return new Answer(302, '', { location: `${redirectUri}${separator}${answer}` })
}

/** OAuth 2.0 Multiple Response Type Encoding Practices. */
function grantOf(types: ReadonlySet<string>): GrantType | undefined {
  const token = types.has('token') || types.has('id_token')
  if (types.has('code')) return token ? 'hybrid' : 'authorization_code'
  return token ? 'implicit' : undefined
}

const shownTokens = (types: ReadonlySet<string>): string[] => [
  ...(types.has('token') ? ['access_token'] : []),
  ...(types.has('id_token') ? ['id_token'] : []),
]

/** A provider without any redirect URI keeps that of its first visitor. */
async function redirectAllowed(provider: OAuth2Provider, uri: string, { store }: TokenServices): Promise<boolean> {
  if (!URL.canParse(uri)) return false
  if (provider.redirect_uris.length === 0) {
    provider.redirect_uris = [{ matching_mode: 'strict', url: uri }]
    await store.save()
  }
  return (provider.redirect_uris as JsonObject[]).some(({ matching_mode, url }) =>
    matching_mode === 'regex' ? new RegExp(`^(?:${String(url)})$`).test(uri) : url === uri,
  )
}

const page = (status: number, text: string) => new Answer(status, text, { 'content-type': 'text/html; charset=utf-8' })

/**
 * `POST /application/o/token/`: client credentials (RFC 6749 §4.4), the only grant that a registry needs, and the
 * grants of people and their devices, which must not open it.
 */
import { durationSeconds } from '../duration.ts'
import type { ExpressionRequest } from '../expressions/worker.ts'
import { type Answer, type HttpRequest, json, methodNotAllowed } from '../http.ts'
import type { Application, JsonObject, User } from '../rows.ts'
import { sameSecret } from '../secrets.ts'
import { verifyAssertion } from './assertion.ts'
import { allowsGrant, authenticateClient, type Client, clientOf, knownScopes, last } from './client.ts'
import { ciUser, clientUser } from './generated-user.ts'
import { DEVICE_CODE, type GrantType, isGrantType } from './grant-types.ts'
import { type Granted, OFFLINE_ACCESS, redeemCode, redeemDevice, redeemRefresh } from './granted.ts'
import { issueTokens } from './issue.ts'
import { userByPassword } from './person.ts'
import { policiesPass } from './policies.ts'
import { Refused } from './refusal.ts'
import type { TokenServices } from './services.ts'

/** RFC 7523 §2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** One token request, parsed, with the provider and the application that it is for. */
interface TokenRequest extends Client {
  request: HttpRequest
  application: Application
  grant: GrantType
  /** Scopes that were asked for and that the provider knows; others are dropped without a word. */
  scope: string[]
}

/** Answers a token request with tokens. @throws Refused for any that gets none */
export async function answerToken(request: HttpRequest, services: TokenServices): Promise<Answer> {
  if (request.method === 'OPTIONS') return json(200, {})
  if (request.method !== 'POST') return methodNotAllowed('POST, OPTIONS')
  const asked = parse(request, services)
  const granted = await authorize(asked, services)
  const from: ExpressionRequest = { request, form: asked.form, user: granted.user }
  const issued = { ...asked, scope: granted.scope }
  const tokens = await issueTokens(issued, granted.user, from, services)
  const refresh = refreshToken(asked, granted, services)
  await services.store.save()
  const { username } = granted.user
  const said = { client: asked.provider.client_id, user: username, scope: granted.scope, request: request.id }
  services.log.info(said, 'token issued')
  return json(200, { ...tokens, ...refresh })
}

function parse(request: HttpRequest, { store, version }: TokenServices): TokenRequest {
  const client = clientOf(request, store)
  const { provider, form } = client
  const grant = last(form, 'grant_type') ?? ''
  if (!isGrantType(grant)) throw new Refused('unsupported_grant_type', `grant type "${grant}"`)
  if (!allowsGrant(provider, grant, version)) {
    throw new Refused('invalid_grant', `the provider's grant_types do not hold "${grant}"`)
  }
  const application = store.find('applications', (candidate) => candidate.provider === provider.pk)
  if (!application) throw new Refused('invalid_grant', 'the provider has no application')
  return { ...client, request, application, grant, scope: knownScopes(last(form, 'scope'), provider, store) }
}

/** Who the token is for, and its scopes. */
async function authorize(asked: TokenRequest, services: TokenServices): Promise<Granted> {
  const { store, pending, clock } = services
  switch (asked.grant) {
    case 'client_credentials':
    case 'password':
      return { user: await authorizeClient(asked, services), scope: asked.scope }
    case 'authorization_code':
      authenticateClient(asked)
      return redeemCode(asked, pending, store, clock())
    case 'refresh_token':
      authenticateClient(asked)
      return redeemRefresh(asked, pending, store, clock())
    case DEVICE_CODE:
      return redeemDevice(asked, pending, store, clock())
    default:
      // Implicit and hybrid tokens come from the authorize endpoint; token exchange the stand-in does not have.
      throw new Refused('unsupported_grant_type', `grant type "${asked.grant}" at the token endpoint`)
  }
}

/** A person's grant with offline access gets a refresh token. */
function refreshToken({ provider, grant }: TokenRequest, { user, scope }: Granted, services: TokenServices): object {
  if (grant === 'client_credentials' || grant === 'password' || !scope.includes(OFFLINE_ACCESS)) return {}
  const { pending, clock } = services
  const expires = clock() + (durationSeconds(provider.refresh_token_validity) ?? 0) * 1000
  const kept = { provider: provider.pk, user: user.pk, scope, expires }
  return { refresh_token: pending.keep(pending.refreshTokens, kept) }
}

/**
 * Who the token is for, after the policies said yes.
 * @throws Refused for everyone else
 */
async function authorizeClient(asked: TokenRequest, services: TokenServices): Promise<User> {
  const { form, clientSecret, provider, application } = asked
  if (last(form, 'client_assertion_type')) return await authorizeAssertion(asked, services)
  const username = last(form, 'username')
  if (username) return await authorizePassword(username, last(form, 'password') ?? '', asked, services)
  if (clientSecret && sameSecret(clientSecret, provider.client_secret)) {
    const user = clientUser(provider, application, services)
    await checkPolicies(asked, user, {}, services)
    return user
  }
  throw new Refused('invalid_grant', 'no assertion, no user name and no valid client secret')
}

async function authorizeAssertion(asked: TokenRequest, services: TokenServices): Promise<User> {
  const { form, provider, application } = asked
  const { store, clock } = services
  if (last(form, 'client_assertion_type') !== JWT_BEARER) {
    throw new Refused('invalid_grant', 'unknown client_assertion_type')
  }
  const assertion = last(form, 'client_assertion') ?? last(form, 'client_secret')
  if (!assertion) throw new Refused('invalid_grant', 'the client assertion is missing')
  const { claims, source, user } = await verifyAssertion(assertion, provider, store, clock())
  // The policies of a CI platform's token run before its user exists, for the anonymous user.
  await checkPolicies(asked, user, { oauth_jwt: claims }, services)
  return source ? ciUser(claims, { provider, application, source }, services) : user
}

async function authorizePassword(
  username: string,
  password: string,
  asked: TokenRequest,
  services: TokenServices,
): Promise<User> {
  const { store, clock } = services
  const user = userByPassword(username, password, store, clock())
  if (!user) throw new Refused('invalid_grant', 'no active user with this app password')
  await checkPolicies(asked, user, {}, services)
  return user
}

async function checkPolicies(
  { request, form, application, scope }: TokenRequest,
  user: User | undefined,
  extra: JsonObject,
  services: TokenServices,
): Promise<void> {
  const context = { oauth_scopes: scope, oauth_grant_type: last(form, 'grant_type') ?? '', ...extra }
  if (!(await policiesPass(application, context, { request, form, user }, services))) {
    throw new Refused('invalid_grant', 'the policies of the application say no')
  }
}

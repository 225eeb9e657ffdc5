/** `POST /application/o/token/`: client credentials (RFC 6749 §4.4), the only grant that a registry needs. */
import type { Logger } from 'pino'
import type { ExpressionRequest } from '../expressions/worker.ts'
import { type Answer, formBody, type HttpRequest, json, methodNotAllowed } from '../http.ts'
import { mappingsOf } from '../openid.ts'
import type { Application, JsonObject, OAuth2Provider, User } from '../rows.ts'
import { sameSecret } from '../secrets.ts'
import { verifyAssertion } from './assertion.ts'
import { ciUser, clientUser } from './generated-user.ts'
import { issueTokens } from './issue.ts'
import { type PolicyServices, policiesPass } from './policies.ts'
import { Refused } from './refusal.ts'

/** RFC 7523 §2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface TokenServices extends PolicyServices {
  clock: () => number
  log: Logger
}

/** One token request, parsed, with the provider and the application that it is for. */
interface TokenRequest {
  request: HttpRequest
  form: URLSearchParams
  clientSecret: string | undefined
  provider: OAuth2Provider
  application: Application
  /** Scopes that were asked for and that the provider knows; others are dropped without a word. */
  scope: string[]
}

/** Answers a token request: 200 with tokens, or 400 with one of three texts. The reason of a refusal goes to the log. */
export async function answerToken(request: HttpRequest, services: TokenServices): Promise<Answer> {
  if (request.method === 'OPTIONS') return json(200, {})
  if (request.method !== 'POST') return methodNotAllowed('POST, OPTIONS')
  try {
    const asked = parse(request, services)
    const user = await authorize(asked, services)
    const from: ExpressionRequest = { request, form: asked.form, user }
    const tokens = await issueTokens(asked, user, from, services)
    await services.store.save()
    services.log.info({ client: asked.provider.client_id, user: user.username, scope: asked.scope }, 'token issued')
    return json(200, tokens)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    services.log.info({ code: error.code, reason: error.message }, 'token refused')
    return error.answer()
  }
}

function parse(request: HttpRequest, { store }: TokenServices): TokenRequest {
  const form = formBody(request)
  const { clientId, clientSecret } = clientCredentials(request, form)
  const provider = store.find('providers', (candidate) => candidate.client_id === clientId)
  if (!provider) throw new Refused('invalid_client', 'no provider has this client id')
  const grant = last(form, 'grant_type') ?? ''
  // authentik's other grants belong to people in browsers and devices; the stand-in has none of those.
  if (grant !== 'client_credentials' && grant !== 'password') {
    throw new Refused('unsupported_grant_type', `grant type "${grant}"`)
  }
  const application = store.find('applications', (candidate) => candidate.provider === provider.pk)
  if (!application) throw new Refused('invalid_grant', 'the provider has no application')
  const known = new Set(mappingsOf(provider, store).map((mapping) => mapping.scope_name))
  const scope = [...new Set((last(form, 'scope') ?? '').split(/\s+/))].filter((name) => known.has(name))
  return { request, form, clientSecret, provider, application, scope }
}

/** Client id and secret from Basic authentication (RFC 6749 §2.3.1) or from the form. */
function clientCredentials(request: HttpRequest, form: URLSearchParams) {
  const [, basic] = /^basic (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (basic === undefined) return { clientId: last(form, 'client_id'), clientSecret: last(form, 'client_secret') }
  const [clientId, ...secret] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  return { clientId, clientSecret: secret.join(':') }
}

/**
 * Who the token is for, after the policies said yes.
 * @throws Refused for everyone else
 */
async function authorize(asked: TokenRequest, services: TokenServices): Promise<User> {
  const { form, clientSecret, provider, application } = asked
  const { store, clock } = services
  if (last(form, 'client_assertion_type')) return await authorizeAssertion(asked, services)
  const username = last(form, 'username')
  if (username) return await authorizePassword(username, last(form, 'password') ?? '', asked, services)
  if (clientSecret && sameSecret(clientSecret, provider.client_secret)) {
    const user = clientUser(provider, application, store, clock())
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
  return source ? ciUser(claims, { provider, application, source }, store, clock()) : user
}

async function authorizePassword(
  username: string,
  password: string,
  asked: TokenRequest,
  services: TokenServices,
): Promise<User> {
  const { store, clock } = services
  const user = store.find('users', (candidate) => candidate.username === username && candidate.is_active)
  const token = store.find(
    'staticTokens',
    (candidate) =>
      candidate.intent === 'app_password' && candidate.user === user?.pk && sameSecret(candidate.key, password),
  )
  const expired = token?.expires && Date.parse(token.expires) <= clock()
  if (!user || !token || expired) throw new Refused('invalid_grant', 'no active user with this app password')
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

/** A field of the form; of a repeated one the last, as Django has it. */
const last = (form: URLSearchParams, name: string): string | undefined => form.getAll(name).at(-1)

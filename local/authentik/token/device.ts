/** The device authorization grant (RFC 8628): a device asks for a code, a person allows it. */
import { Answer, type HttpRequest, json, methodNotAllowed } from '../http.ts'
import { allowsGrant, clientOf, knownScopes, last } from './client.ts'
import { DEVICE_CODE } from './grant-types.ts'
import { personOf } from './person.ts'
import { policiesPass } from './policies.ts'
import { Refused } from './refusal.ts'
import type { TokenServices } from './services.ts'

/** authentik's own. */
const LIFETIME_SECONDS = 60
const INTERVAL_SECONDS = 5

/** `POST /application/o/device/`. @throws Refused */
export function answerDevice(request: HttpRequest, { store, clock, version, pending }: TokenServices): Answer {
  if (request.method !== 'POST') return methodNotAllowed('POST, OPTIONS')
  const { provider, form } = clientOf(request, store)
  if (!allowsGrant(provider, DEVICE_CODE, version)) {
    throw new Refused('invalid_grant', 'the provider does not allow device codes')
  }
  const scope = knownScopes(last(form, 'scope'), provider, store)
  const userCode = pending.newUserCode()
  const expires = clock() + LIFETIME_SECONDS * 1000
  const deviceCode = pending.keep(pending.devices, { provider: provider.pk, scope, expires, userCode })
  const page = `${request.origin}/device`
  return json(200, {
    device_code: deviceCode,
    verification_uri: page,
    verification_uri_complete: `${page}?code=${userCode}`,
    user_code: userCode,
    expires_in: LIFETIME_SECONDS,
    interval: INTERVAL_SECONDS,
  })
}

/** `GET /device?code=...`: the person allows the device, if the policies let the person use the application. */
export async function answerDeviceApproval(request: HttpRequest, services: TokenServices): Promise<Answer> {
  const { store, clock, pending } = services
  const code = request.query.get('code')
  const device = [...pending.devices.values()].find(({ userCode }) => userCode === code)
  const application = store.find('applications', ({ provider }) => provider === device?.provider)
  if (!device || !application || device.expires <= clock()) return new Answer(400, 'Invalid code')
  const user = personOf(request, store, clock())
  const from = { request, form: new URLSearchParams(), user }
  const context = { oauth_scopes: device.scope, oauth_grant_type: DEVICE_CODE }
  if (!(await policiesPass(application, context, from, services))) return new Answer(403, 'Permission denied')
  device.user = user.pk
  return new Answer(200, 'Device authorized')
}

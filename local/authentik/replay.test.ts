/**
 * Replays what the real Terraform provider and real CI jobs exchanged with a real authentik 2026.2.2, in order, and
 * compares each answer: status, content type, keys, and the kind of every value.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificatePair, created, makeProvider, startWorld, type World } from './fixture.ts'
import type { Json, JsonObject } from './rows.ts'
import { RECORDED_VERSION } from './version.ts'

interface Exchange {
  method: string
  path: string
  request: JsonObject | null
  status: number
  type: string | null
  response: Json
}

const exchanges: Exchange[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'exchanges.recorded.json'), 'utf8'),
) as Exchange[]

/** The recording keeps no expressions; these do what the recorded answers show that the original ones did. */
const EXPRESSIONS: Record<string, string> = {
  'docker-registry': `
access = []
for scope in http_request.POST.get("scope", "").split():
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    if kind != "repository":
        continue
    allowed = [a for a in actions.split(",") if a == "pull" or name == "acme/app"]
    access.append({"type": kind, "name": name, "actions": allowed})
return {"access": access}`,
  'ci-session': `
from jwt import decode
claims = decode(http_request.POST["client_assertion"], options={"verify_signature": False})
return {"ci": {name: claims[name] for name in ("iss", "sub", "repository", "repository_id", "ref", "run_id")}}`,
  'docker-registry-trust': 'return request.context["oauth_jwt"]["repository_owner"] == "acme"',
}

/** Objects whose keys are a person's data and not the API's. */
const FREE_FORM = new Set(['attributes'])

let world: World
let pair: { certificate: string; key: string }

/** Recorded ids to those of this run. UUIDs are found anywhere, numbers by what they are the number of. */
const uuids = new Map<string, string>()
const numbers = new Map<string, number>()

beforeAll(async () => {
  world = await startWorld({ version: RECORDED_VERSION })
  pair = await certificatePair()
  await rebuildWhatWasThere()
})
afterAll(() => world.close())

/** The recorded authentik held a token of a service account already; the recording shows it in a list. */
async function rebuildWhatWasThere(): Promise<void> {
  const mappings: string[] = []
  for (const name of ['openid', 'email', 'profile']) {
    const body = { name, scope_name: name, expression: 'return {}' }
    mappings.push((await created(world, 'propertymappings/provider/scope/', body)).pk)
  }
  const key = await created(world, 'crypto/certificatekeypairs/', {
    name: 'ref-verify',
    certificate_data: pair.certificate,
    key_data: pair.key,
  })
  await makeProvider(world, 'ref-verify', {
    signing_key: key.pk,
    property_mappings: mappings,
    redirect_uris: [{ matching_mode: 'strict', url: 'http://127.0.0.1/cb' }],
  })
  const body = { username: 'ref-sa', name: 'ref-sa', type: 'service_account' }
  const user = await created(world, 'core/users/', body)
  const token = { identifier: 'ref-sa', intent: 'app_password', user: user.pk, expiring: false }
  await created(world, 'core/tokens/', token)
  const password = (await world.api('GET', 'core/tokens/ref-sa/view_key/')).body.key
  const scope = 'openid email profile'
  await world.exchange({
    grant_type: 'client_credentials',
    client_id: 'ref-verify',
    username: 'ref-sa',
    password,
    scope,
  })
}

describe('the recorded exchanges', () => {
  test('are all there', () => expect(exchanges).toHaveLength(69))

  exchanges.forEach((exchange, index) => {
    test(`${index} ${exchange.method} ${exchange.path} answers ${exchange.status}`, async () => {
      const answer = await send(exchange)
      expect({ status: answer.status, type: answer.type }).toEqual({ status: exchange.status, type: exchange.type })
      if (exchange.response === '<not kept>') expect(answer.body).toBeTypeOf('object')
      else if (exchange.response === null) expect(answer.body).toBe('')
      else expect(shape(answer.body)).toEqual(shape(exchange.response))
      if (exchange.status >= 400) expect(words(answer.body)).toEqual(words(exchange.response))
      learnIds(exchange.path, exchange.response, answer.body)
    })
  })
})

/**
 * A refusal is compared word for word, but for what differs each time: its id, and the system's own connection error.
 */
const words = (refusal: unknown): string =>
  JSON.stringify(refusal ?? '').replace(/"request_id":"\w+"|\(Caused by .*\)/g, '')

async function send({ method, path, request, status }: Exchange) {
  const here = translatePath(path)
  if (!here.startsWith('/api/v3/')) {
    return method === 'POST' ? await world.exchange(form(request ?? {})) : await world.fetch(method, here)
  }
  const token = status === 403 ? 'not-a-token' : undefined
  const body = request ? translate('', request) : undefined
  return await world.api(method, here.slice('/api/v3/'.length), fillPlaceholders(body), token)
}

function translatePath(path: string): string {
  const numbered = path.replace(/\/(users|oauth2)\/(\d+)\//, (_all, kind: string, number: string) => {
    return `/${kind}/${numbers.get(`${kind === 'users' ? 'user' : 'provider'} ${number}`)}/`
  })
  return replaceUuids(numbered)
}

const replaceUuids = (text: string) =>
  text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (uuid) => uuids.get(uuid) ?? uuid)

/** Which recorded numbers a field holds. `pk` is sent only to add and remove users. */
const NUMBERED: Record<string, string> = {
  user: 'user',
  pk: 'user',
  provider: 'provider',
  jwt_federation_providers: 'provider',
}

function translate(field: string, value: Json): Json {
  if (typeof value === 'string') return replaceUuids(value).replace('http://issuers.example', world.issuers)
  if (typeof value === 'number')
    return field in NUMBERED ? (numbers.get(`${NUMBERED[field]} ${value}`) ?? value) : value
  if (Array.isArray(value)) return value.map((entry) => translate(field, entry))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, translate(name, entry)]))
}

function fillPlaceholders(body: Json | undefined): Json | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return {
    ...body,
    ...(body.expression === '<expression>' ? { expression: EXPRESSIONS[String(body.name)] ?? '' } : {}),
    ...(body.certificate_data ? { certificate_data: pair.certificate, key_data: pair.key } : {}),
  }
}

/** A token request's form; a recorded JWT becomes a fresh one with the same claims, signed by the test's key. */
function form(request: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request).map(([name, value]) => [name, typeof value === 'string' ? value : mintAgain(value)]),
  )
}

function mintAgain(value: Json): string {
  const { jwt } = value as unknown as { jwt: { header: { kid: string }; claims: JsonObject } }
  const { iat: _iat, nbf: _nbf, exp: _exp, jti: _jti, ...claims } = jwt.claims
  return world.mint(jwt.header.kid === 'gh-key-1' ? 'github' : 'gitlab', claims)
}

/** What is compared: keys, and kinds of values. */
function shape(value: unknown): unknown {
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : [shape(value[0])]
  if (typeof value === 'string' && isJwt(value)) {
    return { jwt: { header: shape(decodeProtectedHeader(value)), claims: shape(decodeJwt(value)) } }
  }
  if (typeof value !== 'object') return typeof value
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, FREE_FORM.has(name) ? typeof entry : shape(entry)]),
  )
}

const isJwt = (text: string) => /^ey[\w-]+\.ey[\w-]+\.[\w-]+$/.test(text)

/** Notes which recorded id is which here, from the answer to a create or a look-up. */
function learnIds(path: string, recorded: unknown, here: unknown): void {
  if (typeof recorded !== 'object' || recorded === null || typeof here !== 'object' || here === null) return
  for (const [name, value] of Object.entries(recorded)) {
    const own = (here as Record<string, unknown>)[name]
    if (name === 'pk' && typeof value === 'string') uuids.set(value, String(own))
    else if (name === 'pk' && typeof value === 'number') {
      if (path === '/api/v3/core/users/') numbers.set(`user ${value}`, Number(own))
      if (path === '/api/v3/providers/oauth2/') numbers.set(`provider ${value}`, Number(own))
    } else if (typeof value === 'object') learnIds(`${path}${name}`, value, own)
  }
}

/** The keys of the stack's sources: published, and those that authentik keeps. */
import type { AuthentikApi } from '../infra/authentik/api.ts'
import { ask, jsonOf, reasonOf } from '../prober/web.ts'
import { authentikSourceSlug } from '../trust/language/document.ts'
import type { TrustSource } from '../trust/language/source-schema.ts'
import { type Finding, ok, skipped, wrong } from './finding.ts'

/** @param api undefined without an API token of authentik */
export async function checkSources(sources: readonly TrustSource[], api: AuthentikApi | undefined): Promise<Finding[]> {
  const published = await Promise.all(sources.map(publishedKeys))
  const held = await Promise.all(sources.map((source) => heldKeys(source, api)))
  return sources.map(({ slug }, index) => compareKeys(slug, published[index] ?? [], held[index]))
}

/** Key ids, or why they cannot be read. */
type Keys = readonly string[] | Error

/** @param held what authentik keeps; undefined if it was not asked */
export function compareKeys(slug: string, published: Keys, held: Keys | undefined): Finding {
  const check = `source ${slug}`
  if (held instanceof Error) {
    return wrong(
      check,
      `authentik does not show its keys (${held.message})`,
      'its jobs may be refused',
      'pulumi up creates the source',
    )
  }
  if (published instanceof Error) {
    const fix =
      'nothing, if only this machine cannot reach the issuer; else check url, jwksUrl and wellKnownUrl of the source'
    const found = `the issuer's keys cannot be read from here (${published.message})`
    if (held !== undefined && held.length > 0) return skipped(check, `${found}; authentik keeps ${held.length}`, fix)
    return wrong(check, found, 'authentik cannot verify the tokens of its jobs', fix)
  }
  if (published.length === 0) {
    return wrong(
      check,
      'the issuer publishes no key',
      'no token of its jobs can be verified',
      'check the address of its keys',
    )
  }
  if (held === undefined)
    return ok(check, `publishes ${published.length} keys; set AUTHENTIK_TOKEN to compare them with authentik's`)
  const missing = published.filter((kid) => !held.includes(kid))
  if (missing.length > 0) {
    const found = `authentik does not have the key ${missing.slice(0, 3).join(', ')}, which the issuer publishes`
    return wrong(
      check,
      found,
      'jobs whose token it signs are refused',
      'pulumi up --refresh, or save the source in authentik, which otherwise fetches keys every 3 hours',
    )
  }
  return ok(check, `authentik has all ${published.length} keys that the issuer publishes`)
}

async function publishedKeys({ keys, issuer }: TrustSource): Promise<Keys> {
  try {
    if ('jwks' in keys) return keyIds(keys.jwks)
    if ('jwksUrl' in keys) return keyIds(await json(keys.jwksUrl))
    const { jwks_uri: url, issuer: named } = await json(keys.wellKnownUrl)
    if (named !== issuer)
      return new Error(
        `its discovery document names the issuer ${JSON.stringify(named)}, the source ${JSON.stringify(issuer)}`,
      )
    return keyIds(await json(String(url)))
  } catch (error) {
    return new Error(reasonOf(error))
  }
}

async function json(url: string) {
  const { status, body } = await ask(url)
  if (status !== 200) throw new Error(`status ${status} at ${url}`)
  return jsonOf(body)
}

async function heldKeys({ slug }: TrustSource, api: AuthentikApi | undefined): Promise<Keys | undefined> {
  if (api === undefined) return undefined
  try {
    const [row] = await api.list('sources/oauth', { slug: authentikSourceSlug(slug) })
    return row === undefined ? new Error(`there is no source ${authentikSourceSlug(slug)}`) : keyIds(row.oidc_jwks)
  } catch (error) {
    return new Error(reasonOf(error))
  }
}

function keyIds(set: unknown): string[] {
  const keys: unknown = typeof set === 'object' && set !== null ? Reflect.get(set, 'keys') : undefined
  if (!Array.isArray(keys)) return []
  return keys.flatMap((key) => (typeof key?.kid === 'string' ? [key.kid] : []))
}

/** The keys of the stack's sources: published, and those that authentik keeps. */
import type { AuthentikApi } from '../infra/authentik/api.ts'
import { ask, jsonOf, reasonOf } from '../prober/web.ts'
import { keyMaterial, keysConflict, type PublicKey } from '../trust/decision/key-material.ts'
import { authentikSourceSlug } from '../trust/language/document.ts'
import type { TrustSource } from '../trust/language/source-schema.ts'
import { type Finding, ok, skipped, wrong } from './finding.ts'

/** How many key ids a line names. */
const SHOWN_KEYS = 3

/** What a cluster publishes at `/openid/v1/jwks`, as text. @throws Error with what kubectl says */
export type ReadClusterKeys = (slug: string) => Promise<string>

export interface Asked {
  /** Undefined without an API token of authentik. */
  readonly api: AuthentikApi | undefined
  /** Slugs of the sources whose keys only their cluster publishes. */
  readonly clusters: readonly string[]
  /** Undefined where clusters are not to be asked. */
  readonly clusterKeys: ReadClusterKeys | undefined
}

export async function checkSources(sources: readonly TrustSource[], asked: Asked): Promise<Finding[]> {
  const { api, clusters, clusterKeys } = asked
  const published = await Promise.all(
    sources.map((source) => (clusters.includes(source.slug) ? ofCluster(source, clusterKeys) : publishedKeys(source))),
  )
  const held = await Promise.all(sources.map((source) => heldKeys(source, api)))
  const twice = heldTwice(sources, held)
  return sources.map(({ slug }, index) => twice.get(slug) ?? compareKeys(slug, published[index], held[index]))
}

/** Keys, or why they cannot be read. */
type Keys = readonly PublicKey[] | Error

/**
 * @param published undefined if nobody was asked who knows
 * @param held what authentik keeps; undefined if it was not asked
 */
function compareKeys(slug: string, published: Keys | undefined, held: Keys | undefined): Finding {
  const check = `source ${slug}`
  if (held instanceof Error) {
    return wrong(
      check,
      `authentik does not show its keys (${held.message})`,
      'its jobs may be refused',
      'pulumi up creates the source',
    )
  }
  if (published === undefined)
    return skipped(check, 'its keys are those of a cluster, which publishes them itself', '--cluster asks it')
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
  const why = 'jobs whose token it signs are refused'
  const fix = 'pulumi up --refresh, or save the source in authentik, which otherwise fetches keys every 3 hours'
  const missing = published.filter(({ kid }) => !held.some((key) => key.kid === kid))
  if (missing.length > 0)
    return wrong(check, `authentik does not have the key ${ids(missing)}, which the issuer publishes`, why, fix)
  const other = published.filter((key) => held.some((one) => one.kid === key.kid && differ(one, key)))
  if (other.length > 0) return wrong(check, `authentik has another key under the id ${ids(other)}`, why, fix)
  return ok(check, `authentik has all ${published.length} keys that the issuer publishes`)
}

/** By slug; authentik does not say which key verified a token, so the policy refuses one whose key id has two. */
function heldTwice(sources: readonly TrustSource[], held: readonly (Keys | undefined)[]): Map<string, Finding> {
  const sets = held.map((keys) => (Array.isArray(keys) ? (keys as readonly PublicKey[]) : []))
  const found = new Map<string, Finding>()
  for (const kid of new Set(sets.flat().flatMap((key) => (typeof key.kid === 'string' ? [key.kid] : [])))) {
    if (!keysConflict(kid, sets)) continue
    const slugs = sources.filter((_, index) => sets[index]?.some((key) => key.kid === kid)).map(({ slug }) => slug)
    for (const slug of slugs) {
      const what = `${slugs.join(' and ')} have different keys under the id ${kid}`
      const why = 'jobs whose token names it are refused: one issuer may be pretending to be the other'
      found.set(slug, wrong(`source ${slug}`, what, why, 'take out the source that you trust less, then: pulumi up'))
    }
  }
  return found
}

const ids = (keys: readonly PublicKey[]) =>
  keys
    .slice(0, SHOWN_KEYS)
    .map(({ kid }) => String(kid))
    .join(', ')

function differ(one: PublicKey, other: PublicKey): boolean {
  const [a, b] = [keyMaterial(one), keyMaterial(other)]
  return a !== undefined && b !== undefined && a !== b
}

async function publishedKeys({ keys, issuer }: TrustSource): Promise<Keys> {
  try {
    if ('jwks' in keys) return keysOf(keys.jwks)
    if ('jwksUrl' in keys) return keysOf(await json(keys.jwksUrl))
    const { jwks_uri: url, issuer: named } = await json(keys.wellKnownUrl)
    if (named !== issuer)
      return new Error(
        `its discovery document names the issuer ${JSON.stringify(named)}, the source ${JSON.stringify(issuer)}`,
      )
    return keysOf(await json(String(url)))
  } catch (error) {
    return new Error(reasonOf(error))
  }
}

async function ofCluster({ slug }: TrustSource, read: ReadClusterKeys | undefined): Promise<Keys | undefined> {
  try {
    return read && keysOf(jsonOf(await read(slug)))
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
    return row === undefined ? new Error(`there is no source ${authentikSourceSlug(slug)}`) : keysOf(row.oidc_jwks)
  } catch (error) {
    return new Error(reasonOf(error))
  }
}

function keysOf(set: unknown): PublicKey[] {
  const keys: unknown = typeof set === 'object' && set !== null ? Reflect.get(set, 'keys') : undefined
  return Array.isArray(keys) ? keys.filter((key) => typeof key?.kid === 'string') : []
}

/** authentik: is it ready, of a supported version, and does it have the stack's rules, issuer and keys? */
import { isDeepStrictEqual } from 'node:util'
import { type AuthentikApi, authentikApi } from '../infra/authentik/api.ts'
import { issuer as issuerOf, jwksUrl } from '../infra/authentik/names.ts'
import { askVersion } from '../infra/authentik/preflight.ts'
import { isOutOfSupport, isTooOld, oldestSupported } from '../infra/authentik/version.ts'
import { ask, jsonOf, reasonOf } from '../prober/web.ts'
import type { TrustDocument } from '../trust/decision/policy.ts'
import { DOCUMENT_GROUP, REGISTRY_APPLICATION } from '../trust/language/document.ts'
import { type Finding, NEEDS_TOKEN, ok, skipped, wrong } from './finding.ts'
import { checkPolicy } from './policy.ts'
import { checkClock } from './way-in.ts'

/**
 * @param token of authentik's API; undefined to look from outside only
 * @param clusters slugs of the sources that only a cluster knows: their part of the rules is not compared
 * @param hasSessions whether the stack gives sessions, which have an application of their own
 */
export async function checkAuthentik(
  url: string,
  token: string | undefined,
  document: TrustDocument,
  clusters: readonly string[],
  hasSessions: boolean,
) {
  const api = token === undefined ? undefined : authentikApi({ url, token })
  const findings = [
    ...(await checkLife(url)),
    await checkIssuer(url),
    await checkVersion(api),
    await checkRules(api, document, clusters),
    await checkPolicy(api, hasSessions),
  ]
  return { findings, api }
}

async function checkLife(url: string): Promise<Finding[]> {
  const why = 'jobs that log in now get no token'
  try {
    const { status, headers } = await ask(`${url}/-/health/ready/`)
    const clock = checkClock(headers.get('date'), Date.now(), 'authentik clock')
    if (status >= 200 && status < 300) return [ok('authentik', `is ready at ${url}`), clock]
    return [wrong('authentik', `status ${status} at ${url}/-/health/ready/`, why, "look at authentik's own log"), clock]
  } catch (error) {
    const fix = 'check authentik:url; if only this machine cannot reach it, run the doctor where it can'
    return [wrong('authentik', `no answer at ${url} (${reasonOf(error)})`, why, fix)]
  }
}

async function checkIssuer(url: string): Promise<Finding> {
  const why = 'the registry wants exactly its own issuer, and refuses every token'
  try {
    const document = await ask(`${url}/application/o/${REGISTRY_APPLICATION}/.well-known/openid-configuration`)
    const { issuer } = jsonOf(document.body)
    if (issuer !== issuerOf(url)) {
      const fix = 'pulumi up; the provider docker-registry has the issuer mode "global"'
      return wrong(
        'issuer',
        `authentik names ${JSON.stringify(issuer)}, expected ${JSON.stringify(issuerOf(url))}`,
        why,
        fix,
      )
    }
    const { keys } = jsonOf((await ask(jwksUrl(url))).body)
    if (Array.isArray(keys) && keys.length > 0) return ok('issuer', `${issuer}, with ${keys.length} key`)
    return wrong('issuer', 'authentik publishes no key of the registry', 'no token can be verified', 'pulumi up')
  } catch (error) {
    return wrong('issuer', `authentik does not name it (${reasonOf(error)})`, why, 'pulumi up creates the application')
  }
}

async function checkVersion(api: AuthentikApi | undefined): Promise<Finding> {
  if (api === undefined) return skipped('authentik version', 'only its API tells it', NEEDS_TOKEN)
  try {
    const version = await askVersion(api)
    const fix = `update authentik to ${oldestSupported} or newer`
    if (isTooOld(version)) return wrong('authentik version', version.text, 'this program does not work with it', fix)
    if (isOutOfSupport(version)) return wrong('authentik version', version.text, 'it is out of support', fix)
    return ok('authentik version', version.text)
  } catch (error) {
    return wrong(
      'authentik version',
      reasonOf(error),
      'the doctor cannot check anything else in authentik',
      NEEDS_TOKEN,
    )
  }
}

async function checkRules(
  api: AuthentikApi | undefined,
  document: TrustDocument,
  clusters: readonly string[],
): Promise<Finding> {
  if (api === undefined) return skipped('rules', "only authentik's API shows them", NEEDS_TOKEN)
  try {
    const [group] = await api.list('core/groups', { name: DOCUMENT_GROUP })
    const rules = document.sources.reduce((sum, source) => sum + source.rules.length, 0)
    // As JSON has it, without what is undefined.
    if (
      isDeepStrictEqual(without(group?.attributes, clusters), without(JSON.parse(JSON.stringify(document)), clusters))
    )
      return ok('rules', `authentik has the ${rules} rules of the stack`)
    const found =
      group === undefined
        ? `there is no group ${DOCUMENT_GROUP}`
        : "authentik's rules are not those of the stack's file"
    return wrong(
      'rules',
      found,
      'jobs are admitted or refused by other rules than you read',
      'pulumi preview shows the difference, pulumi up removes it',
    )
  } catch (error) {
    return wrong('rules', reasonOf(error), 'it is unknown which rules decide', NEEDS_TOKEN)
  }
}

/** A compiled document without the sources of these slugs. */
function without(compiled: unknown, slugs: readonly string[]): unknown {
  const sources: unknown =
    typeof compiled === 'object' && compiled !== null ? Reflect.get(compiled, 'sources') : undefined
  if (!Array.isArray(sources)) return compiled
  return { ...(compiled as object), sources: sources.filter(({ slug }) => !slugs.includes(slug)) }
}

/**
 * What the program has to know about authentik before it makes anything: that it answers and accepts the API token, its
 * version, the flows that every provider needs, and sources of an older form of this stack that are no longer ours.
 */
import * as pulumi from '@pulumi/pulumi'
import type { TrustSource } from '../../trust/language/source-schema.ts'
import { plainConfig } from '../plain-config.ts'
import { type AuthentikAccess, type AuthentikApi, AuthentikProblem, authentikApi } from './api.ts'
import { changedKeys } from './changed-keys.ts'
import { readKeyHistory } from './key-history.ts'
import type { KeyHistory } from './key-plan.ts'
import { REGISTRY_NAME, SESSION_NAME, UNUSED_CONSUMER } from './names.ts'
import {
  type AuthentikVersion,
  hasGrantTypes,
  isOutOfSupport,
  isTooOld,
  oldestSupported,
  oldestWorking,
  parseVersion,
} from './version.ts'

/** Flows that every authentik comes with. A provider requires them, although an exchange of tokens never runs them. */
const FLOWS = {
  authorization: 'default-provider-authorization-implicit-consent',
  invalidation: 'default-provider-invalidation-flow',
} as const

/** An authentik that the program works with. */
export interface CheckedAuthentik {
  /** Whether a provider has to list its grants. */
  readonly hasGrantTypes: boolean
  /** Primary keys. */
  readonly flows: { readonly authorization: string; readonly invalidation: string }
  /** Short slugs of sources that this stack once made and that people now log in through. */
  readonly lostSources: readonly string[]
  /** What works, but not forever. */
  readonly warnings: readonly string[]
}

/** What the stack's settings have to do with authentik as it is. */
export interface Wanted {
  readonly sources: readonly TrustSource[]
  readonly keyGeneration: number
  readonly sessionKeyGeneration: number
}

export interface OpenAuthentik extends CheckedAuthentik {
  readonly keyHistories: { readonly registry: KeyHistory; readonly sessions: KeyHistory }
}

/** @throws AuthentikProblem if it does not say its version */
export async function askVersion(api: AuthentikApi): Promise<AuthentikVersion> {
  const body = (await api.get('admin/version')) as { version_current?: unknown } | null
  const version = parseVersion(body?.version_current)
  if (version !== undefined) return version
  const came = JSON.stringify(body?.version_current)?.slice(0, 60) ?? 'nothing'
  throw new AuthentikProblem(
    `What answers at ${api.url} does not say which version of authentik it is: expected one like ${oldestSupported}.0, got ${came}. ` +
      'Is authentik:url (or AUTHENTIK_URL) right?',
  )
}

/** @throws AuthentikProblem if the program cannot work with it */
export async function checkAuthentik(
  api: AuthentikApi,
  sources: readonly Pick<TrustSource, 'slug'>[],
): Promise<CheckedAuthentik> {
  const version = await askVersion(api)
  if (isTooOld(version)) {
    throw new AuthentikProblem(
      `authentik at ${api.url} is ${version.text}, which is too old: ${oldestSupported} or newer is needed ` +
        `(${oldestWorking} still works). Update authentik first.`,
    )
  }
  const [authorization, invalidation, lostSources] = await Promise.all([
    flowId(api, FLOWS.authorization),
    flowId(api, FLOWS.invalidation),
    findLostSources(api, sources),
  ])
  const warnings = lostSources.map(
    (slug) =>
      `People log in through authentik's source "${slug}", which was this stack's: its consumer key is not ours. ` +
      'It stays as it is; the next `pulumi up` removes it from the stack.',
  )
  if (isOutOfSupport(version)) {
    warnings.unshift(
      `authentik at ${api.url} is ${version.text}, which is out of support. This program still works with it; update ` +
        `to ${oldestSupported} or newer, then run \`pulumi up\` again.`,
    )
  }
  return { hasGrantTypes: hasGrantTypes(version), flows: { authorization, invalidation }, lostSources, warnings }
}

async function flowId(api: AuthentikApi, slug: string): Promise<string> {
  const [flow] = await api.list('flows/instances', { slug })
  if (typeof flow?.pk === 'string') return flow.pk
  throw new AuthentikProblem(
    `authentik at ${api.url} shows no flow "${slug}" to this API token, although every authentik has it. Is it a token ` +
      'of an administrator? If the flow was deleted, apply its blueprint again (System, Blueprints).',
  )
}

/**
 * Sources had the short slug before they were called `docker-registry-<slug>`, and a company's login source of that
 * slug could be adopted. If it is a login source again, `up` must not delete it with the old ones.
 */
async function findLostSources(api: AuthentikApi, sources: readonly { slug: string }[]): Promise<string[]> {
  const [provider] = await api.list('providers/oauth2', { name: REGISTRY_NAME })
  const federated = provider?.jwt_federation_sources
  if (!Array.isArray(federated) || federated.length === 0) return []
  const isLost = async (slug: string) => {
    const [source] = await api.list('sources/oauth', { slug })
    return federated.includes(source?.pk) && source?.consumer_key !== UNUSED_CONSUMER
  }
  const lost = await Promise.all(sources.map(async ({ slug }) => ((await isLost(slug)) ? [slug] : [])))
  return lost.flat()
}

/**
 * Checks the authentik that the stack names, logs warnings by the engine, and reads which keys sign there.
 *
 * @throws RunError, one sentence, if the program cannot work with it
 */
export async function openAuthentik(wanted: Wanted): Promise<OpenAuthentik> {
  try {
    const api = authentikApi(await authentikAccess())
    const checked = await checkAuthentik(api, wanted.sources)
    // An update brings them; a preview is where a person can still learn of it.
    const changed = pulumi.runtime.isDryRun() ? await changedKeys(api, wanted.sources) : []
    for (const warning of [...checked.warnings, ...changed]) await pulumi.log.warn(warning)
    const [registry, sessions] = await Promise.all([
      readKeyHistory(api, REGISTRY_NAME, wanted.keyGeneration),
      readKeyHistory(api, SESSION_NAME, wanted.sessionKeyGeneration),
    ])
    return { ...checked, keyHistories: { registry, sessions } }
  } catch (error) {
    if (error instanceof AuthentikProblem) throw new pulumi.RunError(`${error.message} Nothing was changed.`)
    throw error
  }
}

/** Address and token as for the provider: from the stack's configuration, else from the environment. */
export async function authentikAccess(): Promise<AuthentikAccess> {
  const config = new pulumi.Config('authentik')
  const { AUTHENTIK_URL = '', AUTHENTIK_TOKEN = '', AUTHENTIK_INSECURE } = process.env
  const headers = await plainConfig(config.getSecretObject<Record<string, string>>('headers'))
  return {
    url: config.get('url') || AUTHENTIK_URL,
    token: (await plainConfig(config.getSecret('token'))) || AUTHENTIK_TOKEN,
    insecure: ['true', '1'].includes(config.get('insecure') ?? AUTHENTIK_INSECURE ?? ''),
    ...(headers && { headers }),
  }
}

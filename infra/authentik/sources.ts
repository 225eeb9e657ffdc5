import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import schema from '../../sdks/authentik.schema.json' with { type: 'json' }
import { authentikSourceSlug } from '../../trust/language/document.ts'
import type { SourceKeys, TrustSource } from '../../trust/language/source-schema.ts'
import { adoptionAdvice } from './adoption.ts'
import { UNUSED_CONSUMER, UNUSED_URL } from './names.ts'

/** Filled in by authentik from the well-known document; unless they are ignored, every `pulumi up` shows a change. */
const FROM_WELL_KNOWN = ['authorizationUrl', 'accessTokenUrl', 'profileUrl', 'oidcJwksUrl', 'oidcJwks']
/** The keys themselves, which authentik fetches again every three hours. */
const FROM_JWKS_URL = ['oidcJwks']
/** All that can be set except the id. Listed one by one, since it is unclear what the bridge does with "*". */
const EVERYTHING = Object.keys(schema.resources['authentik:index/sourceOauth:SourceOauth'].inputProperties).filter(
  (name) => name !== 'sourceOauthId',
)

export interface SourcesArgs {
  sources: readonly TrustSource[]
  /** Short slugs of sources in the state that must no longer be changed. */
  lostSources: readonly string[]
}

/**
 * The issuers whose tokens authentik accepts.
 *
 * A source in authentik is a login page for people. Here it only says whose JWTs may be exchanged, so some
 * fields that authentik requires have a value that nothing uses.
 */
export class Sources extends pulumi.ComponentResource {
  /** For `jwtFederationSources` of a provider. */
  readonly uuids: pulumi.Output<string>[]

  constructor(name: string, { sources, lostSources }: SourcesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:Sources', name, {}, opts)
    const hooks = adoptionAdvice(this, 'sources')
    const source = (slug: string, keys: SourceKeys, options: pulumi.CustomResourceOptions) =>
      new authentik.SourceOauth(
        slug,
        {
          name: slug,
          slug,
          providerType: 'openidconnect',
          // People do not log in through this source, so it needs no client at the platform.
          consumerKey: UNUSED_CONSUMER,
          consumerSecret: UNUSED_CONSUMER,
          ...keyFields(keys),
        },
        { parent: this, deleteBeforeReplace: true, ignoreChanges: filledIn(keys), hooks, ...options },
      )
    this.uuids = sources.map(({ slug, keys }) => source(authentikSourceSlug(slug), keys, {}).uuid)
    // Once more as it is, so that the state marks it to stay in authentik when it leaves the stack.
    for (const { slug, keys } of sources.filter(({ slug }) => lostSources.includes(slug))) {
      source(slug, keys, { retainOnDelete: true, ignoreChanges: EVERYTHING })
    }
    this.registerOutputs({ uuids: this.uuids })
  }
}

/** The fields of an authentik source that say where its keys are, and those that follow. */
function keyFields(keys: SourceKeys) {
  if ('wellKnownUrl' in keys) return { oidcWellKnownUrl: keys.wellKnownUrl }
  const pages = { authorizationUrl: UNUSED_URL, accessTokenUrl: UNUSED_URL, profileUrl: UNUSED_URL }
  if ('jwksUrl' in keys) return { ...pages, oidcJwksUrl: keys.jwksUrl }
  return { ...pages, oidcJwks: JSON.stringify(keys.jwks) }
}

/** The fields that authentik changes by itself. */
function filledIn(keys: SourceKeys): string[] {
  if ('wellKnownUrl' in keys) return FROM_WELL_KNOWN
  return 'jwksUrl' in keys ? FROM_JWKS_URL : []
}

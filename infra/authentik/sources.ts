import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import { authentikSourceSlug } from '../../trust/document.ts'
import type { SourceKeys, TrustSource } from '../../trust/sources.ts'
import { adoptionAdvice } from './adoption.ts'

/** Filled in by authentik from the well-known document; without ignoring them every `pulumi up` shows a change. */
const FROM_WELL_KNOWN = ['authorizationUrl', 'accessTokenUrl', 'profileUrl', 'oidcJwksUrl', 'oidcJwks']
/** The keys themselves, which authentik fetches again every three hours. */
const FROM_JWKS_URL = ['oidcJwks']

/**
 * The issuers whose tokens authentik takes.
 *
 * A source in authentik is a login page for people. Here it only says whose JWTs may be exchanged, so a few fields
 * that authentik insists on are filled in with a value that nothing uses.
 */
export class Sources extends pulumi.ComponentResource {
  /** For `jwtFederationSources` of a provider. */
  readonly uuids: pulumi.Output<string>[]

  constructor(name: string, args: { sources: readonly TrustSource[] }, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:Sources', name, {}, opts)
    const hooks = adoptionAdvice(this, 'sources')
    this.uuids = args.sources.map(({ slug, keys }) => {
      const authentikSlug = authentikSourceSlug(slug)
      const { fields, ignoreChanges } = keyFields(keys)
      return new authentik.SourceOauth(
        authentikSlug,
        {
          name: authentikSlug,
          slug: authentikSlug,
          providerType: 'openidconnect',
          // Nobody logs in through this source, so it has no client at the platform.
          consumerKey: 'unused',
          consumerSecret: 'unused',
          ...fields,
        },
        { parent: this, deleteBeforeReplace: true, ignoreChanges, hooks },
      ).uuid
    })
    this.registerOutputs({ uuids: this.uuids })
  }
}

/** The fields of an authentik source that say where its keys are, those that follow, and what authentik changes. */
function keyFields(keys: SourceKeys) {
  if ('wellKnownUrl' in keys) return { fields: { oidcWellKnownUrl: keys.wellKnownUrl }, ignoreChanges: FROM_WELL_KNOWN }
  const unused = 'https://unused.invalid' // RFC 6761 section 6.4
  const pages = { authorizationUrl: unused, accessTokenUrl: unused, profileUrl: unused }
  if ('jwksUrl' in keys) return { fields: { ...pages, oidcJwksUrl: keys.jwksUrl }, ignoreChanges: FROM_JWKS_URL }
  return { fields: { ...pages, oidcJwks: JSON.stringify(keys.jwks) }, ignoreChanges: [] }
}

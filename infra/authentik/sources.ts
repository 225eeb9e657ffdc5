import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import { adoptionAdvice } from './adoption.ts'
import { type Source, sourceKeys } from './source-keys.ts'

/** Filled in by authentik from the well-known document; without ignoring them every `pulumi up` shows a change. */
const FROM_WELL_KNOWN = ['authorizationUrl', 'accessTokenUrl', 'profileUrl', 'oidcJwksUrl', 'oidcJwks']
/** The keys themselves, which authentik fetches again every three hours. */
const FROM_JWKS_URL = ['oidcJwks']

/** The CI platforms whose tokens authentik takes. */
export class Sources extends pulumi.ComponentResource {
  /** For `jwtFederationSources` of a provider. */
  readonly uuids: pulumi.Output<string>[]

  constructor(name: string, args: { sources: Source[] }, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:Sources', name, {}, opts)
    const hooks = adoptionAdvice(this, 'sources')
    this.uuids = args.sources.map((source) => {
      const keys = sourceKeys(source)
      return new authentik.SourceOauth(
        source.slug,
        {
          name: source.slug,
          slug: source.slug,
          providerType: 'openidconnect',
          // Nobody logs in through this source, so it has no client at the platform.
          consumerKey: 'unused',
          consumerSecret: 'unused',
          ...keys,
        },
        {
          parent: this,
          deleteBeforeReplace: true,
          ignoreChanges: 'oidcWellKnownUrl' in keys ? FROM_WELL_KNOWN : FROM_JWKS_URL,
          hooks,
        },
      ).uuid
    })
    this.registerOutputs({ uuids: this.uuids })
  }
}

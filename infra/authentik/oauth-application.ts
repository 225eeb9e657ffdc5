import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import { adoptionAdvice } from './adoption.ts'

/** Flows that every authentik comes with. A provider needs them; an exchange of tokens never runs them. */
const AUTHORIZATION_FLOW = 'default-provider-authorization-implicit-consent'
const INVALIDATION_FLOW = 'default-provider-invalidation-flow'

export interface OAuthApplicationArgs {
  /** What a person reads in authentik. */
  title: string
  clientId: string
  /** Life of the tokens that it issues. */
  tokenMinutes: number
  signingKeyId: pulumi.Input<string>
  scopeMappingIds: pulumi.Input<string>[]
  /** uuids of the sources whose JWTs it exchanges. */
  sourceUuids: pulumi.Input<string>[]
}

/** An OAuth2 provider that exchanges the JWTs of CI platforms for tokens of its own, and its application. */
export class OAuthApplication extends pulumi.ComponentResource {
  readonly clientId: pulumi.Output<string>

  /** @param name of provider and application; the application's slug, and so part of the issuer */
  constructor(name: string, args: OAuthApplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:OAuthApplication', name, {}, opts)
    const child = { parent: this }
    const hooks = adoptionAdvice(this, `application-${name}`)
    const provider = new authentik.ProviderOauth2(
      name,
      {
        name,
        clientId: args.clientId,
        clientType: 'confidential',
        authorizationFlow: authentik.getFlowOutput({ slug: AUTHORIZATION_FLOW }, child).id,
        invalidationFlow: authentik.getFlowOutput({ slug: INVALIDATION_FLOW }, child).id,
        accessTokenValidity: `minutes=${args.tokenMinutes}`,
        signingKey: args.signingKeyId,
        propertyMappings: args.scopeMappingIds,
        jwtFederationSources: args.sourceUuids,
      },
      { ...child, deleteBeforeReplace: true, hooks },
    )
    new authentik.Application(
      name,
      { name: args.title, slug: name, protocolProvider: provider.id.apply(Number) },
      { ...child, deleteBeforeReplace: true, hooks },
    )
    this.clientId = provider.clientId
    this.registerOutputs({ clientId: this.clientId })
  }
}

import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import { adoptionAdvice } from './adoption.ts'
import { type ExpressionName, expression } from './expressions.ts'
import { type KeyPlan, recordText, recordTime } from './key-plan.ts'
import { UNUSED_URL } from './names.ts'
import type { CheckedAuthentik } from './preflight.ts'
import type { ProviderKeys } from './signing-keys.ts'

/** The grant that exchanges a token, and the only one that these providers accept. */
const GRANTS = ['client_credentials']

/**
 * A redirect URI that cannot be used. A provider without any would store and trust the first one that a visitor sends.
 */
const REDIRECT_URIS = [{ matching_mode: 'strict', url: UNUSED_URL }]

/** A decision takes milliseconds, even with thousands of rules; after this time authentik refuses. */
const POLICY_TIMEOUT_SECONDS = 10

export interface Verifiers {
  readonly resources: pulumi.Resource[]
  /** Returns once all of them trust the keys of this `up`. */
  rolledOut(): Promise<void>
}

export interface OAuthApplicationArgs {
  /** The name that people see in authentik. */
  title: string
  clientId: string
  /**
   * `public`: whoever holds one of its tokens ends it at authentik without a secret, so the stack keeps none.
   * Tokens take an assertion all the same.
   */
  clientType: 'confidential' | 'public'
  authentik: CheckedAuthentik
  /** Life of the tokens that it issues. */
  tokenMinutes: number
  keys: ProviderKeys
  /** Those who have to know a new key before authentik signs with it. */
  verifiers: Verifiers
  /** Writes the claims of the scope that has this application's name. */
  mapping: ExpressionName
  /** Decides who gets a token. */
  policyId: pulumi.Input<string>
  /** uuids of the sources whose JWTs it exchanges. */
  sourceUuids: pulumi.Input<string>[]
  /** Other applications whose tokens it exchanges while authentik stores them. */
  exchangesTokensOf?: OAuthApplication[]
}

/**
 * An OAuth2 provider that exchanges tokens for tokens of its own, with its scope mapping, its application and the
 * policy on it.
 *
 * authentik lets everyone use an application without a policy, and a policy can be bound only after the application
 * exists. In between, tokens grant nothing all the same: the scope mapping checks the rules itself, and without a match
 * it writes no `access`, and no `ci` into a session.
 */
export class OAuthApplication extends pulumi.ComponentResource {
  readonly clientId: pulumi.Output<string>
  readonly providerId: pulumi.Output<number>

  /** @param name of provider, scope, scope mapping and application; the application's slug */
  constructor(name: string, args: OAuthApplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:OAuthApplication', name, {}, opts)
    const options = { parent: this, deleteBeforeReplace: true, hooks: adoptionAdvice(this, `application-${name}`) }
    const mapping = new authentik.PropertyMappingProviderScope(
      name,
      { name, scopeName: name, expression: expression(args.mapping) },
      options,
    )
    const provider = new authentik.ProviderOauth2(
      name,
      {
        name,
        clientId: args.clientId,
        clientType: args.clientType,
        // One issuer for all: the registry accepts only one, and a session is also the token of a login.
        issuerMode: 'global',
        authorizationFlow: args.authentik.flows.authorization,
        invalidationFlow: args.authentik.flows.invalidation,
        ...(args.authentik.hasGrantTypes && { grantTypes: GRANTS }),
        allowedRedirectUris: REDIRECT_URIS,
        accessTokenValidity: `minutes=${args.tokenMinutes}`,
        signingKey: args.keys.pairId,
        propertyMappings: [mapping.id],
        jwtFederationSources: args.sourceUuids,
        jwtFederationProviders: (args.exchangesTokensOf ?? []).map(({ providerId }) => providerId),
      },
      {
        ...options,
        dependsOn: args.verifiers.resources,
        hooks: { ...options.hooks, beforeUpdate: [newKeyWaits(name, args.verifiers)] },
      },
    )
    this.clientId = provider.clientId
    this.providerId = provider.id.apply(Number)
    const application = new authentik.Application(
      name,
      {
        name: args.title,
        slug: name,
        protocolProvider: this.providerId,
        metaDescription: signingRecord(args.keys.plan, provider.signingKey),
      },
      options,
    )
    new authentik.PolicyBinding(
      name,
      {
        target: application.uuid,
        policy: args.policyId,
        order: 0,
        negate: false,
        failureResult: false,
        timeout: POLICY_TIMEOUT_SECONDS,
      },
      // authentik deletes a binding together with its policy or application, so there is nothing left to update.
      { ...options, replaceOnChanges: ['policy', 'target'] },
    )
    this.registerOutputs({ clientId: this.clientId, providerId: this.providerId })
  }
}

/** Which key signs since when, for the next run: see key-plan.ts. Written after the provider has changed. */
function signingRecord({ current: key, since, trusted: before }: KeyPlan, signingKey: pulumi.Output<unknown>) {
  if (since !== undefined) return recordText({ key, since, before })
  return signingKey.apply(() => recordText({ key, since: recordTime(Date.now()), before }))
}

/** Where the provider is about to get another key, this waits for the verifiers; without them, the update fails. */
function newKeyWaits(name: string, verifiers: Verifiers): pulumi.ResourceHook {
  return new pulumi.ResourceHook(`new-key-waits-${name}`, async ({ oldInputs, newInputs }) => {
    if (oldInputs?.signingKey === newInputs?.signingKey) return
    try {
      await verifiers.rolledOut()
    } catch (error) {
      const reason = error instanceof Error ? error.message : error
      throw new Error(
        `authentik keeps signing with the key from before: ${reason}\nFix the cause and run \`pulumi up\` again.`,
      )
    }
  })
}

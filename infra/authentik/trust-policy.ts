import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import { DOCUMENT_GROUP } from '../../trust/language/document.ts'
import { adoptionAdvice } from './adoption.ts'
import { expression } from './expressions.ts'

/** The compiled rules, where all expressions read them, and the policy that uses them to decide who gets a token. */
export class TrustPolicy extends pulumi.ComponentResource {
  readonly policyId: pulumi.Output<string>

  /** @param document the compiled rules, JSON */
  constructor(name: string, { document }: { document: string }, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:TrustPolicy', name, {}, opts)
    const options = { parent: this, deleteBeforeReplace: true, hooks: adoptionAdvice(this, 'trust-policy') }
    new authentik.Group(DOCUMENT_GROUP, { name: DOCUMENT_GROUP, attributes: document }, options)
    this.policyId = new authentik.PolicyExpression(name, { name, expression: expression('trust_policy') }, options).id
    this.registerOutputs({ policyId: this.policyId })
  }
}

/** The policies, for `pulumi preview --policy-pack policy`: each stops a preview and an up. */
import { PolicyPack, type ResourceValidationPolicy, type StackValidationPolicy } from '@pulumi/policy'
import { DOCUMENT_GROUP } from '../trust/language/document.ts'
import { type Seen, withoutNetworkPolicies, withoutTrustedProxies } from './cluster.ts'
import { checkRules, namesWithoutId, type RuleCheck, trustsEveryone, writesEverywhere } from './trust-rules.ts'

const ofRules = (name: string, description: string, check: RuleCheck): ResourceValidationPolicy => ({
  name,
  description,
  enforcementLevel: 'mandatory',
  validateResource: ({ type, props }, report) => {
    if (type !== 'authentik:index/group:Group' || props.name !== DOCUMENT_GROUP) return
    for (const sentence of checkRules(props.attributes, check)) report(sentence)
  },
})

const ofStack = (
  name: string,
  description: string,
  check: (objects: readonly Seen[]) => string | undefined,
): StackValidationPolicy => ({
  name,
  description,
  enforcementLevel: 'mandatory',
  validateStack: ({ resources }, report) => {
    const sentence = check(resources)
    if (sentence !== undefined) report(sentence)
  },
})

new PolicyPack('passwordless-registry', {
  policies: [
    ofRules('no-rule-for-everyone', 'A rule names whom it trusts.', trustsEveryone),
    ofRules('no-push-everywhere', 'A rule pushes and deletes below a prefix.', writesEverywhere),
    ofRules('owners-by-id', 'A rule names its owner by id: a name can get another owner.', namesWithoutId),
    ofStack('network-policies', 'Network policies restrict the pods.', withoutNetworkPolicies),
    ofStack('trusted-proxies', 'Behind a proxy the token service knows its clients.', withoutTrustedProxies),
  ],
})

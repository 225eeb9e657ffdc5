/** The two kinds of objects whose content is Python: scope mappings and expression policies. */
import { type ApiContext, resource, ValidationFailed } from '../resource.ts'
import type { ExpressionPolicy, Json } from '../rows.ts'
import type { Store } from '../store.ts'

async function refuseSyntaxErrors(values: Record<string, unknown>, { expressions }: ApiContext): Promise<void> {
  if (typeof values.expression !== 'string') return
  const error = await expressions.syntaxError(values.expression)
  if (error) throw new ValidationFailed({ expression: [`Expression Syntax Error: ${error}`] })
}

export const scopeMappings = resource<'scopeMappings'>({
  kind: 'scopeMappings',
  path: 'propertymappings/provider/scope',
  lookup: 'pk',
  model: 'ScopeMapping',
  label: 'Property Mapping',
  validate: refuseSyntaxErrors,
  present: (mapping) => ({
    ...mapping,
    component: 'ak-property-mapping-provider-scope-form',
    verbose_name: 'Scope Mapping',
    verbose_name_plural: 'Scope Mappings',
    meta_model_name: 'authentik_providers_oauth2.scopemapping',
  }),
})

/** A policy as the API shows it, also inside of a binding. */
export const presentPolicy = (policy: ExpressionPolicy, store: Store): Json => ({
  ...policy,
  component: 'ak-policy-expression-form',
  verbose_name: 'Expression Policy',
  verbose_name_plural: 'Expression Policies',
  meta_model_name: 'authentik_policies_expression.expressionpolicy',
  bound_to: store.all('bindings').filter((binding) => binding.policy === policy.pk).length,
})

export const policies = resource<'policies'>({
  kind: 'policies',
  path: 'policies/expression',
  lookup: 'pk',
  model: 'ExpressionPolicy',
  label: 'Policy',
  validate: refuseSyntaxErrors,
  present: (policy, { store }) => presentPolicy(policy, store),
})

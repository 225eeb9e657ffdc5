/** The two kinds of objects whose content is Python: scope mappings and expression policies. */
import { randomUUID } from 'node:crypto'
import { boolean, text } from '../fields.ts'
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
  fields: {
    managed: text({ nullable: true, default: null }),
    name: text({ required: true, unique: true }),
    expression: text({ required: true }),
    scope_name: text({ required: true }),
    description: text({ blank: true, default: '' }),
  },
  validate: refuseSyntaxErrors,
  create: () => ({ pk: randomUUID() }),
  present: ({ pk, managed, name, expression, scope_name, description }) => ({
    pk,
    managed,
    name,
    expression,
    component: 'ak-property-mapping-provider-scope-form',
    verbose_name: 'Scope Mapping',
    verbose_name_plural: 'Scope Mappings',
    meta_model_name: 'authentik_providers_oauth2.scopemapping',
    scope_name,
    description,
  }),
})

/** A policy as the API shows it, also inside of a binding. */
export const presentPolicy = ({ pk, name, execution_logging, expression }: ExpressionPolicy, store: Store): Json => ({
  pk,
  name,
  execution_logging,
  component: 'ak-policy-expression-form',
  verbose_name: 'Expression Policy',
  verbose_name_plural: 'Expression Policies',
  meta_model_name: 'authentik_policies_expression.expressionpolicy',
  bound_to: store.all('bindings').filter((binding) => binding.policy === pk).length,
  expression,
})

export const policies = resource<'policies'>({
  kind: 'policies',
  path: 'policies/expression',
  lookup: 'pk',
  model: 'ExpressionPolicy',
  label: 'Policy',
  fields: {
    name: text({ required: true, unique: true }),
    execution_logging: boolean(false),
    expression: text({ required: true }),
  },
  validate: refuseSyntaxErrors,
  create: () => ({ pk: randomUUID() }),
  present: (policy, { store }) => presentPolicy(policy, store),
})

import type {
  ExpressionPolicy,
  ExpressionPolicyRequest,
  PolicyBinding,
  PolicyBindingRequest,
} from '@goauthentik/api/dist/esm/index.js'
import { kind } from '../kind.ts'

export const policyExpression = kind<ExpressionPolicyRequest, ExpressionPolicy>({
  defaults: { executionLogging: false },
  request: (wanted) => ({
    name: wanted.text('name'),
    executionLogging: wanted.flag('executionLogging'),
    expression: wanted.text('expression'),
  }),
  create: (api, expressionPolicyRequest) => api.policies.policiesExpressionCreate({ expressionPolicyRequest }),
  read: (api, policyUuid) => api.policies.policiesExpressionRetrieve({ policyUuid }),
  update: (api, policyUuid, expressionPolicyRequest) =>
    api.policies.policiesExpressionUpdate({ policyUuid, expressionPolicyRequest }),
  delete: (api, policyUuid) => api.policies.policiesExpressionDestroy({ policyUuid }),
  id: ({ pk }) => pk,
  state: ({ name, executionLogging, expression }) => ({ name, executionLogging, expression }),
  find: async (api, wanted) => {
    const { results } = await api.policies.policiesExpressionList({ name: wanted.text('name') })
    return results[0]?.pk
  },
})

export const policyBinding = kind<PolicyBindingRequest, PolicyBinding>({
  defaults: { enabled: true, failureResult: false, negate: false, timeout: 30 },
  request: (wanted) => ({
    enabled: wanted.flag('enabled'),
    failureResult: wanted.flag('failureResult'),
    group: wanted.textOrNull('group'),
    negate: wanted.flag('negate'),
    order: wanted.number('order'),
    policy: wanted.textOrNull('policy'),
    target: wanted.text('target'),
    timeout: wanted.number('timeout'),
    user: wanted.numberOrNull('user'),
  }),
  create: (api, policyBindingRequest) => api.policies.policiesBindingsCreate({ policyBindingRequest }),
  read: (api, policyBindingUuid) => api.policies.policiesBindingsRetrieve({ policyBindingUuid }),
  update: (api, policyBindingUuid, policyBindingRequest) =>
    api.policies.policiesBindingsUpdate({ policyBindingUuid, policyBindingRequest }),
  delete: (api, policyBindingUuid) => api.policies.policiesBindingsDestroy({ policyBindingUuid }),
  id: ({ pk }) => pk,
  state: ({ enabled, failureResult, group, negate, order, policy, target, timeout, user }) => ({
    enabled,
    failureResult,
    group,
    negate,
    order,
    policy,
    target,
    timeout,
    user,
  }),
  find: async (api, wanted) => {
    const { results } = await api.policies.policiesBindingsList({
      target: wanted.text('target'),
      order: wanted.number('order'),
      ...wanted.given('policy'),
    })
    return results[0]?.pk
  },
})

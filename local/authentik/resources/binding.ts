import { resource, ValidationFailed } from '../resource.ts'
import type { PolicyBinding } from '../rows.ts'
import { isSince } from '../version.ts'
import { presentPolicy } from './expression.ts'
import { partialGroup } from './group.ts'
import { presentUser } from './user.ts'

export const bindings = resource<'bindings'>({
  kind: 'bindings',
  path: 'policies/bindings',
  lookup: 'pk',
  model: 'PolicyBinding',
  label: 'Policy Binding',
  uniqueTogether: ['policy', 'target', 'order'],
  validate(values, _context, existing) {
    const { policy, group, user } = { ...existing, ...values } as PolicyBinding
    const set = [policy, group, user].filter((pk) => pk !== null && pk !== undefined).length
    if (set === 0) throw new ValidationFailed({ non_field_errors: ["One of 'policy', 'group' or 'user' must be set."] })
    if (set > 1) {
      throw new ValidationFailed({ non_field_errors: ["Only one of 'policy', 'group' or 'user' can be set."] })
    }
  },
  present(binding, { store, version }) {
    const policy = store.get('policies', binding.policy)
    const group = store.get('groups', binding.group)
    const user = store.get('users', binding.user)
    return {
      ...binding,
      policy_obj: policy ? presentPolicy(policy, store) : null,
      group_obj: group ? partialGroup(group) : null,
      user_obj: user ? presentUser(user, store) : null,
      ...(isSince('2026.8', version) ? { expires: null, expiring: false } : {}),
    }
  },
})

/** The policies bound to an application: who gets a token at all. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ExpressionFailed, type ExpressionRequest } from '../expressions/worker.ts'
import { NoAnswer } from '../http.ts'
import { allGroups } from '../resources/user.ts'
import type { Application, JsonObject, PolicyBinding } from '../rows.ts'
import type { Store } from '../store.ts'
import type { TokenServices } from './services.ts'

/**
 * A real authentik never answers a request whose policy expression is longer than this: the result, expression
 * included, goes through a pipe that has no reader yet. See docs/observed-behaviour.md.
 */
const BLOCKING_EXPRESSION_BYTES = 64 * 1024

/**
 * Whether the application's bindings let this request pass; without any binding everyone passes.
 * @param context what the policies see as `request.context`
 */
export async function policiesPass(
  application: Application,
  context: JsonObject,
  from: ExpressionRequest,
  services: TokenServices,
): Promise<boolean> {
  const bound = services.store
    .all('bindings')
    .filter((binding) => binding.target === application.pk && binding.enabled)
    .sort((a, b) => a.order - b.order)
  if (bound.length === 0) return true
  const results: boolean[] = []
  for (const binding of bound) results.push(await bindingPasses(binding, application, context, from, services))
  return application.policy_engine_mode === 'all' ? results.every(Boolean) : results.some(Boolean)
}

async function bindingPasses(
  binding: PolicyBinding,
  application: Application,
  context: JsonObject,
  from: ExpressionRequest,
  { store, expressions, blockedPolicyMs }: TokenServices,
): Promise<boolean> {
  const policy = store.get('policies', binding.policy)
  if (!policy) return userPasses(binding, from, store) !== binding.negate
  if (Buffer.byteLength(policy.expression) > BLOCKING_EXPRESSION_BYTES) {
    await sleep(blockedPolicyMs)
    throw new NoAnswer()
  }
  try {
    return (await expressions.policyPasses(policy, application, context, from)) !== binding.negate
  } catch (error) {
    if (error instanceof ExpressionFailed) return binding.failure_result
    throw error
  }
}

/** A binding of a user or of a group instead of a policy. */
function userPasses(binding: PolicyBinding, { user }: ExpressionRequest, store: Store): boolean {
  if (!user) return false
  return user.pk === binding.user || allGroups(store, user).some((group) => group.pk === binding.group)
}

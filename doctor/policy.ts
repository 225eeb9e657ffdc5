/**
 * What decides in authentik, whatever the rules say: the expressions of this program, and its policy at both applications
 * with nothing beside it. A second binding would let in whom it lets in, as one that passes is enough for authentik.
 */
import type { AuthentikApi, Row } from '../infra/authentik/api.ts'
import { type ExpressionName, expression } from '../infra/authentik/expressions.ts'
import { REGISTRY_NAME, SESSION_NAME, TRUST_POLICY_NAME } from '../infra/authentik/names.ts'
import { reasonOf } from '../prober/web.ts'
import { type Finding, NEEDS_TOKEN, ok, skipped, wrong } from './finding.ts'

/** As many objects of a kind as one answer of authentik lists. */
const PAGE = '100'
const CHECK = 'policy'
/** Applications, each with the scope mapping of its name. */
const REGISTRY = [REGISTRY_NAME, 'docker_registry'] as const
const SESSIONS = [SESSION_NAME, 'ci_session'] as const

/** @param api undefined without an API token of authentik */
export async function checkPolicy(api: AuthentikApi | undefined, hasSessions: boolean): Promise<Finding> {
  if (api === undefined) return skipped(CHECK, "only authentik's API shows it", NEEDS_TOKEN)
  const looked = hasSessions ? [REGISTRY, SESSIONS] : [REGISTRY]
  try {
    const policy = await named(api, 'policies/expression', TRUST_POLICY_NAME)
    const problems = [
      ...textProblems(`policy ${TRUST_POLICY_NAME}`, policy, 'trust_policy'),
      ...(await Promise.all(looked.map(([name, mapping]) => problemsOf(api, name, mapping, policy)))).flat(),
    ]
    if (problems.length === 0)
      return ok(CHECK, `that of this version decides at ${looked.map(([name]) => name).join(' and ')}, alone`)
    const why = 'authentik may give tokens to jobs that no rule names, or refuse those that one does'
    const fix = 'pulumi up --refresh puts ours back; what is beside it, delete in authentik unless you mean it'
    return wrong(CHECK, problems.join('; '), why, fix)
  } catch (error) {
    return wrong(CHECK, reasonOf(error), 'it is not known what decides', NEEDS_TOKEN)
  }
}

async function problemsOf(
  api: AuthentikApi,
  name: string,
  mapping: ExpressionName,
  policy: Row | undefined,
): Promise<string[]> {
  const row = await named(api, 'propertymappings/provider/scope', name)
  const [application] = (await api.list('core/applications', { slug: name, superuser_full_list: 'true' })).filter(
    ({ slug }) => slug === name,
  )
  const ofMapping = textProblems(`scope mapping ${name}`, row, mapping)
  if (application === undefined) return [...ofMapping, `there is no application ${name}`]
  const bindings = (await api.list('policies/bindings', { target: String(application.pk), page_size: PAGE })).filter(
    ({ target, enabled }) => target === application.pk && enabled !== false,
  )
  const isOurs = (binding: Row) => policy !== undefined && binding.policy === policy.pk
  const decides = bindings.some((one) => isOurs(one) && one.negate !== true && one.failure_result !== true)
  const more = bindings.filter((one) => !isOurs(one)).length
  return [
    ...ofMapping,
    ...(decides ? [] : [`the policy does not decide at application ${name}`]),
    ...(more === 0 ? [] : [`application ${name} has ${more} other binding${more === 1 ? '' : 's'}`]),
  ]
}

const named = async (api: AuthentikApi, path: string, name: string): Promise<Row | undefined> =>
  (await api.list(path, { name })).find((row) => row.name === name)

function textProblems(what: string, row: Row | undefined, name: ExpressionName): string[] {
  if (row === undefined) return [`there is no ${what}`]
  return String(row.expression).trim() === expression(name) ? [] : [`the ${what} is not that of this version`]
}

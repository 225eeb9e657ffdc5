/** The policy of a stack, read only from its configuration files: no Pulumi, no network. */

import { loadPolicy, type Policy } from '../decision/policy.ts'
import { compileDocument, REGISTRY_APPLICATION, sessionNames } from './document.ts'
import { type Finding, hasErrors } from './findings.ts'
import type { TrustRule } from './rule-schema.ts'
import { parseRules } from './rules.ts'
import { parseYaml } from './rules-yaml.ts'
import type { TrustSource } from './source-schema.ts'
import { parseSources } from './sources.ts'

export const PROJECT = 'passwordless-registry'

export interface StackPolicy {
  /** Undefined where a finding is an error. */
  readonly policy: Policy | undefined
  readonly findings: readonly Finding[]
  readonly sources: readonly TrustSource[]
  readonly rules: readonly TrustRule[]
}

const hostMissing: Finding = {
  severity: 'error',
  code: 'host-missing',
  field: 'host',
  wrong: 'neither host nor audience is set, so the audience of tokens is not known',
  example: `${PROJECT}:host: registry.example.com`,
}

/**
 * Reads sources, rules and names, and compiles them.
 *
 * @param projectFile the text of Pulumi.yaml, which contains the defaults
 * @param stackFile the text of the stack's configuration file
 */
export function stackPolicy(projectFile: string, stackFile: string): StackPolicy {
  const [project, stack] = [parseYaml(projectFile), parseYaml(stackFile)]
  const failed = (findings: readonly Finding[]) => ({ policy: undefined, findings, sources: [], rules: [] })
  const unreadable = [...project.findings, ...stack.findings]
  if (unreadable.length > 0) return failed(unreadable)
  // An empty setting is not set (Pulumi.yaml).
  const setting = (name: string): unknown =>
    at(stack.value, 'config', `${PROJECT}:${name}`) || at(project.value, 'config', name, 'default')
  const text = (name: string, otherwise: string) => String(setting(name) || otherwise)

  const audience = text('audience', text('host', ''))
  if (audience === '') return failed([hostMissing])
  const { sources, findings: ofSources } = parseSources(setting('sources'), audience)
  const { rules, findings: ofRules } = parseRules(setting('trust'), sources)
  const findings = [...ofSources, ...ofRules]
  if (hasErrors(findings)) return failed(findings)
  const document = compileDocument(sources, rules, {
    application: REGISTRY_APPLICATION,
    groups: { push: text('pushGroup', 'acl_docker_push'), pull: text('pullGroup', 'acl_docker_pull') },
    session: sessionNames,
  })
  return { policy: loadPolicy(document), findings, sources, rules }
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (here, key) => (Object(here) === here ? Reflect.get(here as object, key) : undefined),
    value,
  )
}

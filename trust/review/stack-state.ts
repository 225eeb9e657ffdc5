/** A stack as one revision has it: its trust, and its settings in plain. */
import { parseYaml } from '../language/rules-yaml.ts'
import { PROJECT, type StackPolicy, stackPolicy } from '../language/stack-policy.ts'

export interface StackState extends StackPolicy {
  /** By their name, those of this project without its prefix; what neither file sets is missing. */
  readonly settings: ReadonlyMap<string, unknown>
}

/** A stack that one of the revisions does not have. */
export const noStack: StackState = {
  policy: undefined,
  findings: [],
  sources: [],
  rules: [],
  clusters: [],
  settings: new Map(),
}

/**
 * @param projectFile the text of Pulumi.yaml, which contains the defaults
 * @param stackFile the text of the stack's configuration file
 */
export function readStackState(projectFile: string, stackFile: string): StackState {
  const defaults = entries(parseYaml(projectFile).value).flatMap(([name, declared]) => {
    const value = property(declared, 'default')
    return name.includes(':') || value === undefined ? [] : [[name, value] as const]
  })
  const set = entries(parseYaml(stackFile).value).map(
    ([name, value]) => [name.startsWith(`${PROJECT}:`) ? name.slice(PROJECT.length + 1) : name, value] as const,
  )
  const given = set.filter(([, value]) => value !== '') // an empty setting is not set (Pulumi.yaml)
  return { ...stackPolicy(projectFile, stackFile), settings: new Map([...defaults, ...given]) }
}

function entries(file: unknown): [string, unknown][] {
  const config = property(file, 'config')
  return typeof config === 'object' && config !== null ? Object.entries(config) : []
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

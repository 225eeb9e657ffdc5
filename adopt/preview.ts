/**
 * What `pulumi preview --json` says the program would do: its steps, with names and values as the provider has them.
 */

/** What the engine writes for a value that is known only when its object is made (`plugin.UnknownStringValue`). */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9'
/** What it writes for a secret. */
export const SECRET = '[secret]'

export type Values = Readonly<Record<string, unknown>>

export interface Step {
  readonly op: string
  readonly urn: string
  readonly type: string
  /** The last part of the URN. */
  readonly name: string
  /** URN; undefined for the stack itself. */
  readonly parent: string | undefined
  readonly inputs: Values
  /** From which objects each input comes. */
  readonly dependencies: Readonly<Record<string, readonly string[]>>
  readonly ignoreChanges: readonly string[]
  /** The inputs that an update changes. */
  readonly changes: readonly string[]
}

export interface Preview {
  readonly steps: readonly Step[]
  /** Errors of the program, in its words. */
  readonly errors: readonly string[]
}

/** @throws SyntaxError if it is not what the command prints */
export function parsePreview(json: string): Preview {
  const { steps = [], diagnostics = [] } = JSON.parse(json) as {
    steps?: PrintedStep[]
    diagnostics?: { message?: string; severity?: string }[]
  }
  return {
    steps: steps.map(step),
    errors: diagnostics.flatMap(({ message, severity }) =>
      severity === 'error' && message !== undefined ? [message.trim()] : [],
    ),
  }
}

interface PrintedState {
  readonly parent?: string
  readonly inputs?: Values
  readonly propertyDependencies?: Readonly<Record<string, readonly string[]>>
  readonly ignoreChanges?: readonly string[]
}

interface PrintedStep {
  readonly op: string
  readonly urn: string
  readonly oldState?: PrintedState
  readonly newState?: PrintedState
  readonly detailedDiff?: Readonly<Record<string, unknown>> | null
}

function step({ op, urn, oldState, newState, detailedDiff }: PrintedStep): Step {
  const state = newState ?? oldState ?? {}
  const [, , types = '', name = ''] = urn.split('::')
  const changed = Object.keys(detailedDiff ?? {}).map((path) => path.replace(/[.[].*$/, ''))
  return {
    op,
    urn,
    type: types.split('$').at(-1) ?? '',
    name,
    parent: state.parent,
    inputs: state.inputs ?? {},
    dependencies: state.propertyDependencies ?? {},
    ignoreChanges: state.ignoreChanges ?? [],
    changes: [...new Set(changed)].sort(),
  }
}

/** Whether this URN is that of the root of a stack. */
export const isStack = (urn: string): boolean => urn.split('::')[2] === 'pulumi:pulumi:Stack'
export const isAuthentiks = ({ type }: Pick<Step, 'type'>): boolean => type.startsWith('authentik:index/')

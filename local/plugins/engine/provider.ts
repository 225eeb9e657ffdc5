/** What a provider plugin is, apart from how the engine calls it: plain properties in, plain properties out. */
import type { PropertyChange } from './diff.ts'
import type { Properties } from './values.ts'

export interface Failure {
  readonly property: string
  readonly reason: string
}

/** The resource that a call is about. */
export interface Subject {
  /** Type token, such as `kubernetes:apps/v1:Deployment`. */
  readonly type: string
  /** The name that the program gave it. */
  readonly name: string
  readonly urn: string
}

export interface CheckCall extends Subject {
  readonly olds: Properties
  readonly news: Properties
  /** Makes generated names repeatable within one update. */
  readonly randomSeed: Uint8Array
}

export interface Checked {
  /** What the engine keeps as the resource's inputs: defaults and made-up names filled in. */
  readonly inputs: Properties
  readonly failures?: readonly Failure[]
}

export interface DiffCall extends Subject {
  readonly id: string
  readonly oldInputs: Properties
  readonly oldState: Properties
  readonly news: Properties
  readonly ignoreChanges: readonly string[]
}

export interface Diff {
  readonly changes: readonly PropertyChange[]
}

export interface CreateCall extends Subject {
  readonly inputs: Properties
  /** Nothing may be changed; inputs may be unknown. */
  readonly preview: boolean
}

export interface ReadCall extends Subject {
  readonly id: string
  /** Empty when the resource is imported or read by `get`. */
  readonly oldState: Properties
  readonly oldInputs: Properties
}

export interface UpdateCall extends DiffCall {
  readonly preview: boolean
}

export interface DeleteCall extends Subject {
  readonly id: string
  readonly state: Properties
}

export interface Made {
  readonly id: string
  readonly state: Properties
}

/** What a provider does. Every method may throw; the message goes to the person at the command line. */
export interface Provider {
  readonly version: string
  /** The package's schema as JSON. */
  schema?(): string
  /** For a bridge that stands for another package: the name and version of that package. */
  parameterize?(): { name: string; version: string }
  configure(config: Properties): void | Promise<void>
  /** Failures in the provider's own configuration. */
  checkConfig?(config: Properties): Failure[]
  check(call: CheckCall): Checked | Promise<Checked>
  diff(call: DiffCall): Diff | Promise<Diff>
  create(call: CreateCall): Promise<Made>
  /** `undefined` when the object does not exist, or no longer does. */
  read(call: ReadCall): Promise<(Made & { inputs: Properties }) | undefined>
  update(call: UpdateCall): Promise<Properties>
  delete(call: DeleteCall): Promise<void>
}

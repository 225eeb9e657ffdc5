import type { Row } from '../infra/authentik/api.ts'
import type { Step } from './preview.ts'

/** An object in authentik that the stack does not know, and whose name it uses. */
export interface Found {
  readonly step: Step
  /** What `pulumi import` takes. */
  readonly id: string
  readonly row: Row
}

/** What every kind of entrance leads to: `/token` to the token service, everything else to the registry. */
import type * as pulumi from '@pulumi/pulumi'

export interface Entrance {
  namespace: pulumi.Input<string>
  /** Public name, with or without a port. */
  host: string
  /** Names of the Services. */
  tokenService: pulumi.Input<string>
  registry: pulumi.Input<string>
}

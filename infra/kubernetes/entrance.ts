/** What every kind of entrance leads to: a few paths to the token service, everything else to the registry. */
import type * as pulumi from '@pulumi/pulumi'

/** Exactly these paths are the token service's: `/` is a page for people, which no registry client asks for. */
export const TOKEN_PATHS = ['/token', '/revoke', '/'] as const

export interface Entrance {
  namespace: pulumi.Input<string>
  /** Public name, with or without a port. */
  host: string
  /** Names of the Services. */
  tokenService: pulumi.Input<string>
  registry: pulumi.Input<string>
}

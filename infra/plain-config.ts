import type * as pulumi from '@pulumi/pulumi'

/** A value of the configuration that may be secret, for what the program itself asks before it makes anything. */
export const plainConfig = <Value>(secret: pulumi.Output<Value> | undefined): Promise<Value | undefined> =>
  secret === undefined
    ? Promise.resolve(undefined)
    : new Promise((resolve) => secret.apply((value) => resolve(value as Value)))

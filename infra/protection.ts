/**
 * What cannot be made again: the images, their namespace and the private keys. A mistake must not delete or replace it:
 * a renamed setting, a smaller volume, `pulumi destroy`. The engine refuses to, unless the stack says `deleteImages:
 * true`.
 */
import type * as pulumi from '@pulumi/pulumi'

/** Options of a resource that is protected unless `deleteImages`. */
export const kept = (deleteImages: boolean): { protect: boolean } => ({ protect: !deleteImages })

/**
 * Name and options of a protected resource. The engine's refusal shows only the name, and the program does not run
 * while the engine destroys a stack: so the name says what to do.
 *
 * @param what in plain words
 * @param formerName its name in older stacks
 */
export function keptWithAdvice(
  what: string,
  formerName: string,
  deleteImages: boolean,
): { name: string; options: pulumi.CustomResourceOptions } {
  return {
    name: `${what} (to delete: pulumi config set deleteImages true, then pulumi up)`,
    options: { ...kept(deleteImages), aliases: [{ name: formerName }] },
  }
}

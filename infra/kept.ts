/**
 * What cannot be made again: the images, the namespace that they go with, and the private keys. A slip must not delete
 * or replace it: a renamed setting, a smaller volume, `pulumi destroy`. The engine refuses, unless the stack says
 * `deleteImages: true`.
 */
import type * as pulumi from '@pulumi/pulumi'

/** Options of a resource that is protected unless `deleteImages`. */
export const kept = (deleteImages: boolean): { protect: boolean } => ({ protect: !deleteImages })

/**
 * Name and options of a protected resource. The engine's refusal shows the name and nothing else of ours, and while it
 * destroys a stack the program does not run: so the name says what to do.
 *
 * @param what in plain words
 * @param formerName by which stacks know it that were made before
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

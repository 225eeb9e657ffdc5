/**
 * Picks up what a cut-off `pulumi up` was making: the engine was killed after authentik had made an object and before
 * the state knew of it, so the next one meets its own object as "already exists".
 *
 * The program prints the command that adopts such an object. Only those that the state has noted as being made are
 * adopted without asking; anything else that stands in the way was made by somebody, and is left to a person.
 */

/** One `pulumi import` as the program prints it (infra/authentik/adoption.ts). */
export interface Adoption {
  type: string
  name: string
  /** What follows `pulumi`. */
  args: string[]
}

const command =
  /pulumi import (\S+) '([^'\n]+)' '([^'\n]+)' \\\s+--parent '([^'\n]+)' \\\s+--provider '([^'\n]+)' --protect=false/g

/** The adoptions that the output of a failed `pulumi up` proposes, each once. */
function proposedAdoptions(output: string): Adoption[] {
  const found = [...output.matchAll(command)].map(([, type = '', name = '', id = '', parent = '', provider = '']) => {
    const options = ['--parent', parent, '--provider', provider, '--protect=false', '--generate-code=false']
    return { type, name, args: ['import', type, name, id, ...options, '--yes', '--skip-preview'] }
  })
  return [...new Map(found.map((adoption) => [adoption.args.join(' '), adoption])).values()]
}

/** The part of an exported stack that says what was under way. */
interface Export {
  deployment?: { pending_operations?: { type: string; resource: { urn: string; type: string } }[] }
}

/** Type and name of what was being made when the last engine ended, from the text of `pulumi stack export`. */
export function interruptedCreates(exported: string): Set<string> {
  const { deployment } = JSON.parse(exported) as Export
  const creating = (deployment?.pending_operations ?? []).filter(({ type }) => type === 'creating')
  return new Set(creating.map(({ resource }) => key(resource.type, resource.urn.split('::').at(-1) ?? '')))
}

/** @returns the adoptions of what was interrupted */
export function adoptionsOf(interrupted: ReadonlySet<string>, output: string): Adoption[] {
  return proposedAdoptions(output).filter(({ type, name }) => interrupted.has(key(type, name)))
}

const key = (type: string, name: string) => `${type} ${name}`

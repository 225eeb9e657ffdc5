/** How a stack adopts an object that exists already. */
import type { Subject } from '../engine/provider.ts'

/**
 * The command that takes the object with this id into the state. The package stands on a bridge, so the CLI has to be
 * told the provider, which the failed update has put into the state. A URN tells the types of the parents, but the
 * name of none: for a child of a component a place is left to fill in.
 */
export function importCommand(
  { type, name, urn }: Subject,
  id: string,
  bridged: { readonly name: string; readonly version: string },
): string {
  const [stack, project, qualifiedType = ''] = urn.replace(/^urn:pulumi:/, '').split('::')
  const prefix = `urn:pulumi:${stack}::${project}`
  const parents = qualifiedType.split('$').slice(0, -1).join('$')
  const provider = `${prefix}::pulumi:providers:${bridged.name}::default_${bridged.version.replaceAll('.', '_')}`
  const command = `pulumi import ${type} ${name} ${id} --provider default=${provider}`
  if (!parents) return command
  return `${command} --parent 'parent=${prefix}::${parents}::NAME' (NAME as \`pulumi stack --show-urns\` shows it)`
}

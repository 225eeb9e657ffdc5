import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import { adoptionAdvice } from './adoption.ts'

export interface AccessGroupsArgs {
  pushGroup: string
  pullGroup: string
}

/** The groups whose members push or pull everywhere. The stack makes them empty; CI jobs need rules, not groups. */
export class AccessGroups extends pulumi.ComponentResource {
  readonly pushGroup: pulumi.Output<string>

  constructor(name: string, args: AccessGroupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:AccessGroups', name, {}, opts)
    const hooks = adoptionAdvice(this, 'access-groups')
    // Its name in the state stays when the setting changes, or another group would take its place, without its members.
    const group = (stateName: string, groupName: string) =>
      new authentik.Group(
        stateName,
        { name: groupName },
        {
          parent: this,
          deleteBeforeReplace: true,
          hooks,
          aliases: stateName === groupName ? [] : [{ name: groupName }],
        },
      )
    this.pushGroup = group('acl_docker_push', args.pushGroup).name
    group('acl_docker_pull', args.pullGroup)
    this.registerOutputs({ pushGroup: this.pushGroup })
  }
}

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
    const group = (groupName: string) =>
      new authentik.Group(groupName, { name: groupName }, { parent: this, deleteBeforeReplace: true, hooks })
    this.pushGroup = group(args.pushGroup).name
    group(args.pullGroup)
    this.registerOutputs({ pushGroup: this.pushGroup })
  }
}

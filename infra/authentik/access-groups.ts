import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import { adoptionAdvice } from './adoption.ts'
import { ciUserName } from './user-name.ts'

/** What authentik itself writes into a CI user with every token that it exchanges. */
const WRITTEN_BY_AUTHENTIK = ['name', 'path', 'attributes', 'type']

export interface AccessGroupsArgs {
  pushGroup: string
  pullGroup: string
  /** `sub` claims of CI jobs. */
  pushSubjects: string[]
  pullSubjects: string[]
}

/**
 * The groups whose members push and pull, and the CI users that are in them from the start.
 *
 * A user that authentik makes for a CI job expires with the job's token, and so does its membership. One that is
 * there before the first job stays.
 */
export class AccessGroups extends pulumi.ComponentResource {
  readonly pushGroup: pulumi.Output<string>

  constructor(name: string, args: AccessGroupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:AccessGroups', name, {}, opts)
    const child = { parent: this }
    const hooks = adoptionAdvice(this, 'access-groups')
    const group = (groupName: string) =>
      new authentik.Group(groupName, { name: groupName }, { ...child, deleteBeforeReplace: true, hooks })
    const push = group(args.pushGroup)
    const pull = group(args.pullGroup)

    for (const sub of new Set([...args.pushSubjects, ...args.pullSubjects])) {
      const groups = [
        ...(args.pushSubjects.includes(sub) ? [push.id] : []),
        ...(args.pullSubjects.includes(sub) ? [pull.id] : []),
      ]
      new authentik.User(
        sub,
        { username: ciUserName(sub), name: sub, type: 'service_account', path: 'users/ci', groups },
        { ...child, deleteBeforeReplace: true, ignoreChanges: WRITTEN_BY_AUTHENTIK, hooks },
      )
    }
    this.pushGroup = push.name
    this.registerOutputs({ pushGroup: this.pushGroup })
  }
}

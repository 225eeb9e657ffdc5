import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import { adoptionAdvice } from './adoption.ts'
import { renderExpression } from './expression.ts'

/** The scope mapping that writes the claim `access`: what the bearer of a registry token may do. */
export class ScopeMapping extends pulumi.ComponentResource {
  readonly mappingId: pulumi.Output<string>

  constructor(name: string, args: { pushGroup: string; pullGroup: string }, opts?: pulumi.ComponentResourceOptions) {
    super('passwordless-registry:authentik:ScopeMapping', name, {}, opts)
    const source = readFileSync(join(import.meta.dirname, 'expressions', 'docker_registry.py'), 'utf8')
    const mapping = new authentik.PropertyMappingProviderScope(
      name,
      {
        name,
        scopeName: name,
        expression: renderExpression(source, { PUSH_GROUP: args.pushGroup, PULL_GROUP: args.pullGroup }),
      },
      { parent: this, deleteBeforeReplace: true, hooks: adoptionAdvice(this, 'scope-mapping') },
    )
    this.mappingId = mapping.id
    this.registerOutputs({ mappingId: this.mappingId })
  }
}

/**
 * The package schema, as the bridge made it from the Terraform provider: the one source of names, types and secrets.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectDir } from '../../paths.ts'

/** JSON Schema's types; of an array, also that of its items. */
export interface Property {
  readonly type?: string
  readonly items?: { readonly type?: string }
  readonly secret?: boolean
}

interface ResourceSchema {
  readonly properties: Record<string, Property>
  readonly required: readonly string[]
  readonly inputProperties: Record<string, Property>
  readonly requiredInputs?: readonly string[]
}

interface PackageSchema {
  readonly name: string
  readonly version: string
  readonly parameterization: { readonly baseProvider: { readonly name: string; readonly version: string } }
  readonly resources: Record<string, ResourceSchema>
}

/** The schema's text, for `pulumi package get-schema` and `gen-sdk`. */
export const schemaText = readFileSync(join(projectDir, 'sdks', 'authentik.schema.json'), 'utf8')

export const schema = JSON.parse(schemaText) as PackageSchema

/** What the engine and the plugin need to know of one resource type. */
export interface ResourceShape {
  readonly inputs: Readonly<Record<string, Property>>
  readonly required: readonly string[]
  readonly outputs: Readonly<Record<string, Property>>
  /** The server fills it in when the program says nothing (Terraform: computed). */
  readonly computed: ReadonlySet<string>
  readonly secrets: readonly string[]
  /** The output that repeats the resource's id. */
  readonly idProperty: string
}

/** Throws for a type that the schema does not contain. */
export function shapeOf(type: string): ResourceShape {
  const resource = schema.resources[type]
  if (!resource) throw new Error(`${schema.name} ${schema.version} was included here without a resource type ${type}`)
  const { properties, inputProperties, required, requiredInputs = [] } = resource
  const kind = type.split(':').at(-1) ?? type
  const secrets = Object.entries({ ...properties, ...inputProperties }).filter(([, property]) => property.secret)
  return {
    inputs: inputProperties,
    required: requiredInputs,
    outputs: properties,
    // A name that is left out is made up from the resource's own, so it is not the server's to fill in.
    computed: new Set(required.filter((name) => !requiredInputs.includes(name) && name !== 'name')),
    secrets: secrets.map(([name]) => name),
    idProperty: `${kind.charAt(0).toLowerCase()}${kind.slice(1)}Id`,
  }
}

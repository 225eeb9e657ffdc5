/**
 * What `pulumi import --file` takes: the objects, the components that they belong to, and the plug-in that reads them.
 */
import sdk from '@pulumi/authentik/package.json' with { type: 'json' }
import { isStack, type Step } from './preview.ts'

interface Entry {
  /** Within the file; here the URN, since names repeat. */
  readonly name: string
  readonly logicalName: string
  readonly type: string
  readonly parent?: string
  readonly component?: true
  readonly id?: string
  readonly version?: string
  readonly parameterization?: object
}

export interface ImportFile {
  readonly nameTable: Readonly<Record<string, string>>
  readonly resources: readonly Entry[]
}

const { version: bridge, parameterization } = sdk.pulumi

/** @param steps all of the preview, in which the components are */
export function importFile(
  adopted: readonly { readonly step: Step; readonly id: string }[],
  steps: readonly Step[],
): ImportFile {
  const byUrn = new Map(steps.map((step) => [step.urn, step]))
  const nameTable: Record<string, string> = {}
  const components = new Map<string, Entry>()
  const parentOf = ({ parent }: Step): { parent?: string } => {
    if (parent === undefined || isStack(parent)) return {}
    // A preview leaves out what stays the same.
    const component = byUrn.get(parent)
    if (component?.op !== 'create') nameTable[parent] = parent
    else if (!components.has(parent)) components.set(parent, { ...entry(component), component: true })
    return { parent }
  }
  const entry = (step: Step): Entry => ({
    name: step.urn,
    logicalName: step.name,
    type: step.type,
    ...parentOf(step),
  })
  const objects = adopted.map(({ step, id }) => ({
    ...entry(step),
    id,
    // The package is based on a bridge, which needs to know which provider to be.
    version: sdk.version,
    parameterization: { pluginName: sdk.pulumi.name, pluginVersion: bridge, value: parameterization.value },
  }))
  return { nameTable, resources: [...components.values(), ...objects] }
}

/** Which provider plugins a program needs: npm packages say so in the `pulumi` stanza of their package.json. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly pulumi?: {
    readonly resource?: boolean
    readonly name?: string
    readonly version?: string
    readonly server?: string
    /** For an SDK that stands on a bridge: which package the bridge is to be; `value` in base64. */
    readonly parameterization?: { readonly name: string; readonly version: string; readonly value: string }
  }
}

export interface RequiredPackage {
  readonly name: string
  readonly version: string
  readonly server: string
  readonly parameterization?: { readonly name: string; readonly version: string; readonly value: string }
}

const readManifest = (path: string): Manifest => JSON.parse(readFileSync(path, 'utf8')) as Manifest

/** The folder of the nearest package.json at or above `directory`. Throws when there is none. */
export function packageRoot(directory: string): string {
  for (let folder = directory; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (dirname(folder) === folder) throw new Error(`no package.json at or above ${directory}: is this a Node program?`)
  }
}

const withoutScope = (name: string) => name.replace(/^@pulumi\//, '').replace(/^@/, '')
const withV = (version: string) => (version.startsWith('v') ? version : `v${version}`)

/** What is installed for the program in `programDirectory` and needs a plugin. */
export function requiredPackages(programDirectory: string): RequiredPackage[] {
  const manifests = globSync('node_modules/{*,@*/*}/package.json', { cwd: packageRoot(programDirectory) })
  return manifests.sort().flatMap((path) => {
    const { name = '', version = '', pulumi } = readManifest(join(packageRoot(programDirectory), path))
    if (!pulumi?.resource) return []
    return [
      {
        name: pulumi.name ?? withoutScope(name),
        version: withV(pulumi.version ?? version),
        server: pulumi.server ?? '',
        ...(pulumi.parameterization ? { parameterization: pulumi.parameterization } : {}),
      },
    ]
  })
}

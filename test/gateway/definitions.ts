/** The real definitions of the Gateway API, as its project publishes them (standard channel). */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Manifest } from '../../local/kubernetes/addons/addon.ts'
import { goModuleDirectory } from '../../local/toolchain/go-module.ts'

/** Those that controllers watch. */
const KINDS = ['gatewayclasses', 'gateways', 'grpcroutes', 'httproutes', 'referencegrants', 'backendtlspolicies']

/** The CustomResourceDefinitions; Go fetches them as it fetches the tools. */
export async function gatewayDefinitions(): Promise<Manifest[]> {
  const folder = join(await goModuleDirectory('traefik', 'sigs.k8s.io/gateway-api'), 'config', 'crd', 'standard')
  const files = KINDS.map((kind) => join(folder, `gateway.networking.k8s.io_${kind}.yaml`))
  return Promise.all(files.map(async (file) => parse(await readFile(file, 'utf8')) as Manifest))
}

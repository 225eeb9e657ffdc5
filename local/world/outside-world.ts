/** Starts what stands in for authentik and for the CI platforms, and makes it reachable on loopback. */
import { ApiException, CoreV1Api } from '@kubernetes/client-node'
import { PLATFORMS, publicKeys, signingKey } from '../issuers/keys.ts'
import { apply, type Cluster, loadKubeconfig } from '../kubernetes/index.ts'
import { issuersDir, ports } from '../paths.ts'
import { step } from '../steps.ts'
import { rolledOut } from './rollout.ts'
import { ensureSecretFile } from './secret-file.ts'
import { apiTokenFile, outsideWorld, type Settings } from './settings.ts'
import { manifests, outsideWorldNamespace, type StandIn, standInAuthentik, standInIssuers } from './stand-ins.ts'

/** Deploys the stand-ins that the stack's config leaves to the local world; unchanged ones keep running. */
export async function openOutsideWorld(settings: Settings, cluster: Cluster): Promise<void> {
  const config = loadKubeconfig(cluster.kubeconfig, cluster.context)
  if (settings.exposedAuthentik !== undefined && cluster.expose !== undefined) {
    const { service, port } = outsideWorld.authentik
    await apply(config, [outsideWorldNamespace])
    await cluster.expose({ namespace: outsideWorld.namespace, service, port }, settings.exposedAuthentik)
  }
  const standIns: StandIn[] = []
  if (settings.standInAuthentik) {
    standIns.push(await standInAuthentik(settings.nodeImage, await ensureSecretFile(apiTokenFile)))
  }
  if (settings.standInIssuers) standIns.push(await standInIssuers(settings.nodeImage, await issuerKeys()))
  if (standIns.length === 0) return

  await step(`Stand-ins running: ${standIns.map(({ name }) => name).join(', ')}`, async () => {
    await apply(config, [outsideWorldNamespace, ...standIns.flatMap(manifests)])
    await Promise.all(standIns.map(({ name }) => rolledOut(config, name)))
    for (const { name, port } of standIns) {
      const localPort = name === outsideWorld.authentik.service ? ports.authentik : ports.issuers
      await cluster.forward({ namespace: outsideWorld.namespace, service: name, port }, localPort)
    }
  })
}

/** Takes the stand-ins away from a cluster that stays. */
export async function closeOutsideWorld(kubeconfig: string, context?: string): Promise<void> {
  const config = loadKubeconfig(kubeconfig, context)
  await config
    .makeApiClient(CoreV1Api)
    .deleteNamespace({ name: outsideWorld.namespace })
    .catch((error: unknown) => {
      if (!(error instanceof ApiException && error.code === 404)) throw error
    })
}

/** The public half of each platform's signing key, as JWKS documents by file name. */
async function issuerKeys(): Promise<Record<string, string>> {
  const documents = PLATFORMS.map(async (platform) => {
    const key = await signingKey(issuersDir, platform)
    return [`${platform}.json`, JSON.stringify(publicKeys(key))] as const
  })
  return Object.fromEntries(await Promise.all(documents))
}

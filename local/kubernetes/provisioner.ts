/**
 * The detached process behind StorageClass `local`: a directory below `volumes/` for each claim, deleted with it.
 *
 * usage: node provisioner.ts KUBECONFIG VOLUMES_DIRECTORY
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CoreV1Api,
  KubeConfig,
  makeInformer,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
} from '@kubernetes/client-node'
import { directoryToDelete, volumeFor, volumeName } from './volumes.ts'

/** A watch that broke is taken up again after this long. */
const RESTART_SECONDS = 1

const [kubeconfig, volumes] = process.argv.slice(2)
if (!kubeconfig || !volumes) throw new Error('usage: provisioner.ts KUBECONFIG VOLUMES_DIRECTORY')

const config = new KubeConfig()
config.loadFromFile(kubeconfig)
const api = config.makeApiClient(CoreV1Api)

async function provision(claim: V1PersistentVolumeClaim, directory: string): Promise<void> {
  const volume = volumeFor(claim, directory)
  const path = volume?.spec?.hostPath?.path
  if (!volume || !path) return
  await mkdir(path, { recursive: true })
  // A hostPath volume ignores fsGroup, and pods run as users of their own. Nobody else gets here: the state directory
  // above is its owner's alone.
  await chmod(path, 0o777)
  await ignoring(409, api.createPersistentVolume({ body: volume }))
  console.log(`${volumeName(claim)} for ${claim.metadata?.namespace}/${claim.metadata?.name}`)
}

async function release(volume: V1PersistentVolume, directory: string): Promise<void> {
  const name = directoryToDelete(volume)
  if (!name) return
  await rm(join(directory, name), { recursive: true, force: true })
  await ignoring(404, api.deletePersistentVolume({ name }))
  console.log(`${name} deleted`)
}

/** Another event of the same object may have been quicker. */
async function ignoring(status: number, call: Promise<unknown>): Promise<void> {
  await call.catch((error) => {
    if (error.code !== status) throw error
  })
}

function follow<T extends V1PersistentVolume | V1PersistentVolumeClaim>(
  path: string,
  list: Parameters<typeof makeInformer<T>>[2],
  react: (object: T) => Promise<void>,
): void {
  const informer = makeInformer<T>(config, path, list)
  const restart = () => setTimeout(start, RESTART_SECONDS * 1000)
  const start = () => informer.start().catch(restart)
  const handle = (object: T) => react(object).catch((error) => console.log(error.message))
  informer.on('add', handle)
  informer.on('update', handle)
  informer.on('error', restart)
  start()
}

follow<V1PersistentVolumeClaim>(
  '/api/v1/persistentvolumeclaims',
  () => api.listPersistentVolumeClaimForAllNamespaces(),
  (claim) => provision(claim, volumes),
)
follow<V1PersistentVolume>(
  '/api/v1/persistentvolumes',
  () => api.listPersistentVolume(),
  (volume) => release(volume, volumes),
)

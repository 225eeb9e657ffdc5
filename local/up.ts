/** `npm run up`: from nothing to a pushed image. */
import { parseArgs } from 'node:util'
import { idleProgram } from './images/index.ts'
import { loadKubeconfig, withWorldLock } from './kubernetes/index.ts'
import { cacheDir, stateDir } from './paths.ts'
import { prove } from './proof/proof.ts'
import { runPushedImage } from './proof/pushed-image.ts'
import { runCommand, Stop, say, step } from './steps.ts'
import { openCluster } from './world/cluster.ts'
import { guide } from './world/guide.ts'
import { openObjectStorage } from './world/object-storage.ts'
import { openOutsideWorld } from './world/outside-world.ts'
import { bringUp, currentStorage, openStack, type StorageKind, stackName, stackOutputs } from './world/pulumi.ts'
import { loadSettings } from './world/settings.ts'

const HELP = `Brings the whole system up on this machine and proves it with a pushed image; leaves it running.

  npm run up
  npm run up -- --storage s3   keeps the images in a bucket of a real S3 server, versitygw, in place of a volume
  npm run up -- --no-install   only names the Debian packages that are missing

A bucket stays in use until --storage volume, or until the world is taken away.

What stacks/Pulumi.local.yaml names (authentik:url, kubernetes:context, sources) is used as it is; the rest is stood in
for. A second run takes over what is there. npm run down takes it away.
`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean' },
    'no-install': { type: 'boolean' },
    storage: { type: 'string' },
  },
})

function storageOf(given: string = currentStorage()): StorageKind {
  if (given === 'volume' || given === 's3') return given
  throw new Stop(`--storage: expected volume or s3; it is ${JSON.stringify(given)}.`)
}

async function up(): Promise<void> {
  const storage = storageOf(values.storage)
  const settings = await loadSettings()
  const cluster = await openCluster(settings, { install: !values['no-install'] })
  await openOutsideWorld(settings, cluster)
  const { kubeconfig, context } = cluster
  if (storage === 's3') await openObjectStorage(kubeconfig, context)
  const stack = await openStack({ kubeconfig, standInAuthentik: settings.standInAuthentik, storage })
  if (stack.standInPlugins) {
    say('  Not all official provider plugins can be had here; those of local/plugins stand in for the others.')
  }
  await step(`pulumi up on stack ${stackName}`, () => bringUp(stack))
  const outputs = await stackOutputs(stack)
  if (settings.standInIssuers) {
    const { registry, audience } = outputs
    const image = await prove({
      registry: String(registry),
      audience: String(audience),
      sessions: settings.sessions,
      program: await idleProgram(cacheDir),
    })
    if (cluster.pullWith !== undefined) {
      await cluster.pullWith({
        plugin: String(outputs.kubeletCredentialProvider),
        config: String(outputs.kubeletCredentialProviderConfig),
      })
      await step('a pod runs that image, pulled with the token of its service account', () =>
        runPushedImage(loadKubeconfig(cluster.kubeconfig, cluster.context), image),
      )
    }
  }
  say(guide(settings))
}

await runCommand(async () => {
  if (values.help) return void process.stdout.write(HELP)
  await withWorldLock(stateDir, 'npm run up', () => step('Everything', up))
})

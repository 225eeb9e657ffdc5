/** `npm run down`: removes the local world. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { leftovers, stopCluster, withWorldLock } from './kubernetes/index.ts'
import { issuersDir, stateDir } from './paths.ts'
import { runCommand, Stop, say, step } from './steps.ts'
import { endAbandonedPlugins } from './world/abandoned-plugins.ts'
import { bucketKeyDir } from './world/object-storage.ts'
import { closeOutsideWorld } from './world/outside-world.ts'
import { forgetPassphrase } from './world/passphrase.ts'
import { backendDir, engineHome, openStack, passphraseFile, runPulumi } from './world/pulumi.ts'
import { findKubeconfig } from './world/running.ts'
import { apiTokenFile, loadSettings, type Settings, stackConfigFile } from './world/settings.ts'

const HELP = `Stops the local world and removes all of it: processes, mounts, namespaces, cgroups, data, keys, the stack.

  npm run down
  npm run down -- --keep-state   keeps stack and data; the next npm run up goes on with them
`

const { values } = parseArgs({ options: { help: { type: 'boolean' }, 'keep-state': { type: 'boolean' } } })

/** What the stack made on systems outside this machine is removed first, while its state still exists. */
async function leaveGivenSystems(settings: Settings): Promise<void> {
  if (settings.cluster === undefined && settings.standInAuthentik) return
  const kubeconfig = await findKubeconfig()
  if (kubeconfig === undefined) return
  const stack = await openStack({ kubeconfig, standInAuthentik: settings.standInAuthentik })
  await step('pulumi destroy on the systems that the stack names', async () => {
    // This removes everything, images too, whether the stack sets `deleteImages` or not.
    if ((await runPulumi(stack, ['destroy', '--yes', '--skip-preview', '--ignore-protect'])).exitCode !== 0) {
      throw new Stop(
        'The stack could not be removed; see above. Everything else is still there: fix the cause and try again.',
      )
    }
  })
  if (settings.cluster !== undefined) await closeOutsideWorld(kubeconfig, settings.cluster.context)
}

async function forget(): Promise<void> {
  await Promise.all(
    [issuersDir, join(apiTokenFile, '..'), bucketKeyDir].map((dir) => rm(dir, { recursive: true, force: true })),
  )
  if (await forgetPassphrase(passphraseFile, stackConfigFile)) {
    await rm(backendDir, { recursive: true, force: true })
  } else {
    await rm(join(backendDir, '.pulumi'), { recursive: true, force: true })
    say(`  ${passphraseFile} stays: ${stackConfigFile} contains values that only it decrypts.`)
  }
}

async function down(): Promise<void> {
  const keepData = values['keep-state'] ?? false
  if (!keepData) await leaveGivenSystems(await loadSettings())
  await step('The local world ended', () => stopCluster(stateDir, { keepData }))
  await endAbandonedPlugins(engineHome)
  if (!keepData) await forget()
  // The lock itself; the next command makes a new one.
  if (!keepData) await Promise.all(['lock', 'lock-holder'].map((name) => rm(join(stateDir, name), { force: true })))
  const left = await leftovers(stateDir)
  if (left.length > 0)
    throw new Stop(`These are left; run \`npm run down\` again to remove them:\n  ${left.join('\n  ')}`)
}

await runCommand(async () => {
  if (values.help) return void process.stdout.write(HELP)
  await withWorldLock(stateDir, 'npm run down', down)
})

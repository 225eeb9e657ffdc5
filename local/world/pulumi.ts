/**
 * The real Pulumi engine on stack `local`: file backend, passphrase and providers, so that
 * `pulumi preview|up|refresh|stack output|destroy` work as typed once this environment is set
 * (`eval "$(npm run -s status -- --env)"`).
 */
import { existsSync } from 'node:fs'
import { glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { $, type ProcessPromise } from 'zx'
import { compileCacheDir, projectDir, stateDir } from '../paths.ts'
import { Stop, say } from '../steps.ts'
import { ensureTool } from '../toolchain/index.ts'
import { endAbandonedPlugins } from './abandoned-plugins.ts'
import { adoptionsOf, interruptedCreates } from './adoption.ts'
import { onBucket } from './object-storage.ts'
import { ensurePassphrase } from './passphrase.ts'
import { pulumiHome } from './plugins.ts'
import { ensureSecretFile } from './secret-file.ts'
import { apiTokenFile, stackConfigFile } from './settings.ts'

export const stackName = 'local'

export const backendDir = join(stateDir, 'pulumi')
/** PULUMI_HOME where plugins stand in for official ones. */
export const engineHome = join(backendDir, 'home')
export const passphraseFile = join(backendDir, 'passphrase')

/** The stack's config where it differs from the one in the checkout, whose values it takes over each time. */
const changedConfigFile = join(backendDir, 'config', 'Pulumi.local.yaml')

export type StorageKind = 'volume' | 's3'

/** Where the images of this world are, or will be if nothing else is asked for. */
export const currentStorage = (): StorageKind => (existsSync(changedConfigFile) ? 's3' : 'volume')

export interface Stack {
  /** The environment of the engine, without the parent's other variables. */
  environment: Record<string, string>
  /** Whether provider plugins of `local/plugins` are used. */
  standInPlugins: boolean
}

/**
 * Prepares stack `local`: its environment, and the stack itself in the file backend.
 *
 * The API token of the stand-in authentik is in the environment only, never in a file of the checkout.
 *
 * @param options.storage where the images are; undefined: where they are now
 */
export async function openStack(options: {
  kubeconfig: string
  standInAuthentik: boolean
  storage?: StorageKind
}): Promise<Stack> {
  const pulumi = await ensureTool('pulumi')
  await mkdir(backendDir, { recursive: true, mode: 0o700 })
  await ensurePassphrase(passphraseFile, stackConfigFile)
  const home = await pulumiHome(dirname(pulumi), engineHome)
  const environment = {
    PATH: [join(projectDir, 'node_modules', '.bin'), dirname(pulumi), process.env.PATH].join(':'),
    ...(home !== undefined && { PULUMI_HOME: home }),
    // Without the files of attributes that gocloud puts beside each object: it writes them in place, and an engine that
    // is killed just then leaves one empty, and with it a stack that cannot be read.
    PULUMI_BACKEND_URL: `file://${backendDir}?metadata=skip`,
    PULUMI_STACK: stackName,
    NODE_COMPILE_CACHE: compileCacheDir,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile,
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    KUBECONFIG: options.kubeconfig,
    ...(options.standInAuthentik && { AUTHENTIK_TOKEN: await ensureSecretFile(apiTokenFile) }),
  }
  const stack = { environment, standInPlugins: home !== undefined }
  await endAbandonedPlugins(engineHome)
  await breakStaleLocks()
  const selected = await runPulumi(stack, ['stack', 'select', '--create', stackName], { quiet: true })
  if (selected.exitCode !== 0) throw new Stop(`Stack ${stackName} cannot be opened.\n${selected.stderr}`)
  const config = await configOf(options.storage ?? currentStorage())
  return { ...stack, environment: { ...environment, ...config } }
}

/** The engine takes any of its options from the environment as well, so that commands as typed use the same config. */
async function configOf(storage: StorageKind): Promise<Record<string, string>> {
  if (storage === 'volume') {
    await rm(changedConfigFile, { force: true })
    // As if unset, since the shell may have the other one from before. Named, it would hold for other stacks too.
    return { PULUMI_OPTION_CONFIG_FILE: '' }
  }
  await mkdir(dirname(changedConfigFile), { recursive: true })
  await writeFile(changedConfigFile, onBucket(await readFile(stackConfigFile, 'utf8')), { mode: 0o600 })
  return { PULUMI_OPTION_CONFIG_FILE: changedConfigFile }
}

/** An engine that was killed leaves its lock; one whose process still runs is left to finish. */
async function breakStaleLocks(): Promise<void> {
  for await (const file of glob('.pulumi/locks/**/*.json', { cwd: backendDir })) {
    const path = join(backendDir, file)
    const holder = await holderOf(path)
    if (holder?.hostname === hostname() && existsSync(`/proc/${holder.pid}`)) continue
    await rm(path, { force: true })
  }
}

/** Who made a lock; undefined where the file is incomplete or gone. */
async function holderOf(lock: string): Promise<{ pid?: number; hostname?: string } | undefined> {
  try {
    return JSON.parse(await readFile(lock, 'utf8'))
  } catch {
    return undefined
  }
}

/** Runs the Pulumi CLI on the stack in the checkout. Unless `quiet`, a person sees its output as it comes. */
export function runPulumi(stack: Stack, args: readonly string[], options: { quiet?: boolean } = {}): ProcessPromise {
  const running = $({
    cwd: projectDir,
    env: { ...process.env, ...stack.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    quiet: true,
    nothrow: true,
    detached: false,
  })`pulumi ${args} --non-interactive`
  if (!options.quiet) {
    running.stdout.pipe(process.stderr, { end: false })
    running.stderr.pipe(process.stderr, { end: false })
  }
  return running
}

/**
 * Runs `pulumi up`, from where the last run was interrupted.
 *
 * @throws Stop when it fails
 */
export async function bringUp(stack: Stack): Promise<void> {
  const exported = await runPulumi(stack, ['stack', 'export'], { quiet: true })
  const interrupted = exported.exitCode === 0 ? interruptedCreates(exported.stdout) : new Set<string>()
  for (;;) {
    const { exitCode, stdall } = await runPulumi(stack, ['up', '--yes', '--skip-preview', '--suppress-outputs'])
    if (exitCode === 0) return
    const adoptions = adoptionsOf(interrupted, stdall)
    if (adoptions.length === 0) {
      throw new Stop(
        'pulumi up failed; its output is above. What it made is in the stack: fix the cause and run `npm run up` again, which\n' +
          'goes on from there.',
      )
    }
    for (const { type, name, args } of adoptions) {
      say(`  The last run was interrupted while it made ${name} (${type}); adopting it.`)
      const adopted = await runPulumi(stack, args)
      if (adopted.exitCode !== 0) throw new Stop(`${name} could not be adopted; see above.`)
      interrupted.delete(`${type} ${name}`)
    }
  }
}

/** One output of the stack, plain (none of the outputs that CI needs is secret). */
export async function stackOutputs(stack: Stack): Promise<Record<string, unknown>> {
  const result = await runPulumi(stack, ['stack', 'output', '--json'], { quiet: true })
  if (result.exitCode !== 0) throw new Stop(`The outputs of stack ${stackName} cannot be read.\n${result.stderr}`)
  return JSON.parse(result.stdout)
}

/**
 * Retention and garbage collection in the running world, as its schedule runs them: two hundred images on whatever
 * storage the stack has, the half of which goes. The first run is killed while it collects, the second one ends.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BatchV1Api, CoreV1Api, type KubeConfig } from '@kubernetes/client-node'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { volumeName } from '../../local/kubernetes/volumes.ts'
import { stateDir } from '../../local/paths.ts'
import { BUCKET } from '../../local/world/object-storage.ts'
import { upWith, withSettings } from '../e2e/changed-stack.ts'
import { hurryKubelet } from '../e2e/hurry-kubelet.ts'
import { jobToken, registry } from '../e2e/job.ts'
import { askToken, job } from '../e2e/token-client.ts'
import { expectGone, KEPT, pullAll, pullCaches, pushAll, pushImages } from '../engine/clean-up-images.ts'
import { type RegistryClient, registryClient } from '../engine/registry-client.ts'
import { blobFiles, bytesIn } from '../engine/registry-files.ts'
import { killHalfWay } from './collector.ts'
import type { Verdict } from './report.ts'

const NAMESPACE = 'passwordless-registry'
const CLEAN_UP = 'registry-clean-up'
const JOB_REPOSITORY = 'acme/clean-up'
const REPOSITORIES = ['one', 'two', 'three', 'four'].map((name) => `${JOB_REPOSITORY}/${name}`)
/** Of the bytes of what was removed, how many come back at least. */
const LEAST = 0.9
/** Of two token services, both are asked in all likelihood. */
const ASKED_TIMES = 12
/** Pushed again after the first run was killed. */
const AGAIN = 10
const LOOK_EVERY_MS = 2_000
/** Two minutes of kubelets, three of tokens, and the collection. */
const RUN_LIMIT_MS = 20 * 60_000
/** A new registry token is fetched long before the old one expires. */
const TOKEN_KEPT_MS = 20_000

const SETTINGS = {
  // Never by itself while this runs.
  garbageCollection: { schedule: '0 0 29 2 *', minutes: 30 },
  retention: { apply: true, rules: [{ repositories: [`${JOB_REPOSITORY}/*`], keep: { newest: KEPT } }] },
  tokenLifetimeMinutes: 1,
}

/** The folders with images: the volume of the registry, and that of the S3 server. */
async function storages(core: CoreV1Api): Promise<string[]> {
  const { items } = await core.listPersistentVolumeClaimForAllNamespaces()
  const claims = items.filter(({ metadata }) => ['registry', 's3'].includes(metadata?.name ?? ''))
  return claims.map((claim) => join(layoutOf(stateDir).volumes, volumeName(claim)))
}

async function bytesStored(core: CoreV1Api): Promise<number> {
  const sizes = await Promise.all((await storages(core)).map(bytesIn))
  return sizes.reduce((sum, size) => sum + size, 0)
}

const askFor = async (repository: string, actions: string) =>
  askToken(job(await jobToken('github', JOB_REPOSITORY)), [`repository:${repository}:${actions}`])

/** Clients are spread over them. */
async function everyTokenServiceTakesPushes(): Promise<boolean> {
  for (let time = 0; time < ASKED_TIMES; time++) {
    if ((await askFor(REPOSITORIES[0] ?? '', 'pull,push')).status !== 200) return false
  }
  return true
}

/** @param actions what a client asks for at the moment */
function clientOf(actions: () => string): RegistryClient {
  const known = new Map<string, { token: Promise<string>; endMs: number }>()
  return registryClient(registry, (repository) => {
    const key = `${repository}:${actions()}`
    const old = known.get(key)
    if (old !== undefined && performance.now() < old.endMs) return old.token
    const token = askFor(repository, actions()).then(({ token, reason }) => {
      if (token === '') throw new Error(`no token for ${key}: ${reason}`)
      return `Bearer ${token}`
    })
    known.set(key, { token, endMs: performance.now() + TOKEN_KEPT_MS })
    return token
  })
}

/** The pods of the clean-up, as `kubectl create job --from=cronjob/registry-clean-up` starts them. */
function cleanUps(config: KubeConfig) {
  const [batch, core] = [config.makeApiClient(BatchV1Api), config.makeApiClient(CoreV1Api)]
  return {
    async start(name: string): Promise<void> {
      const { spec } = await batch.readNamespacedCronJob({ namespace: NAMESPACE, name: CLEAN_UP })
      const { metadata, spec: jobSpec } = spec?.jobTemplate ?? {}
      const body = { metadata: { name, labels: metadata?.labels ?? {} }, ...(jobSpec && { spec: jobSpec }) }
      await batch.createNamespacedJob({ namespace: NAMESPACE, body })
    },
    /** @returns whether it succeeded, once its announcement is gone and pushes are taken again */
    async ended(name: string): Promise<boolean> {
      const end = performance.now() + RUN_LIMIT_MS
      for (; performance.now() < end; await sleep(LOOK_EVERY_MS)) {
        await hurryKubelet(core)
        const { status } = await batch.readNamespacedJob({ namespace: NAMESPACE, name })
        const over = status?.conditions?.find(({ type, status }) => /Complete|Failed/.test(type) && status === 'True')
        if (over === undefined) continue
        if (await everyTokenServiceTakesPushes()) return over.type === 'Complete'
      }
      throw new Error(
        `job ${name} has not ended, or pushes are not taken again, after ${RUN_LIMIT_MS / 60_000} minutes`,
      )
    },
    async logOf(name: string, container: string): Promise<string> {
      const labelSelector = `job-name=${name}`
      const { items } = await core.listNamespacedPod({ namespace: NAMESPACE, labelSelector })
      const pod = items[0]?.metadata?.name ?? ''
      return core.readNamespacedPodLog({ namespace: NAMESPACE, name: pod, container })
    },
  }
}

/** @throws Error if the world does not do what is needed for a verdict */
export async function cleanUpSoak(say: (line: string) => void): Promise<Verdict> {
  const up = await upWith((text) => withSettings(text, SETTINGS))
  if (up.code !== 0) throw new Error(`pulumi up failed:\n${up.output}`)
  try {
    return await run(loadKubeconfig(layoutOf(stateDir).kubeconfig), say)
  } finally {
    const back = await upWith((text) => text)
    if (back.code !== 0) say(`the settings from before could not be restored:\n${back.output}`)
  }
}

async function run(config: KubeConfig, say: (line: string) => void): Promise<Verdict> {
  const core = config.makeApiClient(CoreV1Api)
  const jobs = cleanUps(config)
  const suffix = Date.now().toString(36)
  const began = performance.now()
  const failures: string[] = []
  const tell = (line: string) => say(`${((performance.now() - began) / 1000).toFixed(0)} s: ${line}`)
  const expectThat = async (what: string, work: () => Promise<unknown>) => {
    try {
      await work()
      tell(what)
    } catch (error) {
      failures.push(`failed: ${what}: ${error instanceof Error ? error.message : error}`)
      tell(failures.at(-1) ?? '')
    }
  }
  let actions = 'pull,push'
  const client = clientOf(() => actions)
  const { kept, doomed, caches, doomedBytes } = await pushImages(client, REPOSITORIES)
  const before = await bytesStored(core)
  tell(`${kept.length + doomed.length} images pushed`)

  /** A run, and pulls of one kept image after the other until it has ended. */
  const runCleanUp = async (name: string, meanwhile: (over: () => boolean) => Promise<void> = async () => {}) => {
    actions = 'pull'
    let over = false
    await jobs.start(name)
    const ended = jobs.ended(name).finally(() => {
      over = true
    })
    const pulling = async () => {
      for (let number = 0; !over; number++) {
        await pullAll(client, [kept[number % kept.length] as (typeof kept)[number]])
        await sleep(LOOK_EVERY_MS / 4)
      }
    }
    const [succeeded] = await Promise.all([
      ended,
      expectThat(`pulls went on during ${name}`, pulling),
      meanwhile(() => over),
    ])
    actions = 'pull,push'
    return succeeded
  }
  const expectKept = (when: string) =>
    expectThat(`everything that stays comes ${when}`, async () => {
      await pullAll(client, kept)
      await pullCaches(client, caches)
    })

  const roots = (await storages(core)).flatMap((folder) => [folder, join(folder, 'buckets', BUCKET)])
  const blobs = blobFiles(
    roots,
    doomed.flatMap(({ digests }) => digests),
  )
  const killed = await runCleanUp(`killed-${suffix}`, async (over) => {
    await killHalfWay(blobs, over)
    const gone = blobs.filter((file) => !existsSync(file)).length
    tell(`the collector was killed when ${gone} of ${blobs.length} blobs were gone`)
    if (gone === blobs.length) failures.push('failed: the collector was killed too late to show anything')
  })
  if (killed) failures.push('failed: the run whose collector was killed calls itself complete')
  await expectKept('after the killed run')
  await expectThat('pushes are taken after the killed run', async () => {
    await pushAll(doomed.slice(0, AGAIN))
    await pullAll(client, doomed.slice(0, AGAIN))
  })

  const whole = await runCleanUp(`whole-${suffix}`)
  if (!whole) failures.push(`failed: the second run: ${await jobs.logOf(`whole-${suffix}`, 'collect')}`)
  const freed = before - (await bytesStored(core))
  tell((await jobs.logOf(`whole-${suffix}`, 'retain')).trimEnd().split('\n').at(-1) ?? '')
  if (freed < LEAST * doomedBytes) failures.push(`failed: at least ${100 * LEAST} % of the bytes come back`)
  await expectKept('after the second run')
  await expectThat('what was removed is gone', () => expectGone(client, doomed))
  await expectThat('what was removed can be pushed again and pulled', async () => {
    await pushAll(doomed)
    await pullAll(client, doomed)
  })
  const percent = ((100 * freed) / doomedBytes).toFixed(1)
  return {
    lines: [
      ...failures,
      `${kept.length + doomed.length} images, ${doomed.length} removed, ${percent} % of ${doomedBytes} bytes back, ${failures.length} failed`,
    ],
    ok: failures.length === 0,
  }
}

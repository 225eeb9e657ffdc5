/** The images on a bucket: the stack moves there and back with one `up` each, and jobs push and pull all the while. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { AppsV1Api, CoreV1Api } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { $ } from 'zx'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { type Client, logIn } from '../../local/proof/clients.ts'
import { makeImage, manifestDigest } from '../../local/proof/image.ts'
import { ensureTool } from '../../local/toolchain/index.ts'
import { onBucket, openObjectStorage } from '../../local/world/object-storage.ts'
import { upWith } from './changed-stack.ts'
import { type Docker, startDocker } from './docker.ts'
import { jobToken, registry } from './job.ts'
import { OPEN, opened } from './open-repository.ts'
import { askToken, job } from './token-client.ts'

const namespace = 'passwordless-registry'
const kubeconfigFile = layoutOf(stateDir).kubeconfig
const config = loadKubeconfig(kubeconfigFile)
const apps = config.makeApiClient(AppsV1Api)
const core = config.makeApiClient(CoreV1Api)

let work: string
let layout: string
let moved: string

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'object-storage-'))
  layout = await makeImage({ layers: 2, bytes: 200_000 })
  await openObjectStorage(kubeconfigFile)
  const up = await upWith((text) => opened(onBucket(text)))
  expect(up.code, up.output).toBe(0)
  moved = up.output
})
afterAll(async () => {
  // Leaves the world as the others expect it.
  const back = await upWith((text) => text)
  for (const dir of [work, layout]) await rm(dir, { recursive: true, force: true })
  expect(back.code, back.output).toBe(0)
})

const pulls = async (client: Client, reference: string) => {
  const target = await mkdtemp(join(work, 'pulled-'))
  const { exitCode, stderr } = await client.pull(reference, target)
  expect(exitCode, stderr).toBe(0)
  expect(await manifestDigest(target)).toBe(await manifestDigest(layout))
}

describe('the move', () => {
  it('says that nothing is copied, and keeps the volume', async () => {
    expect(moved).toMatch(/moves from the volume to bucket images \(s3\)\. Nothing is copied and nothing is deleted/)
    const { items } = await core.listNamespacedPersistentVolumeClaim({ namespace })
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(['registry'])
  })

  it('runs two pods of the registry', async () => {
    const { spec, status } = await apps.readNamespacedDeployment({ namespace, name: 'registry' })
    expect(spec).toMatchObject({ replicas: 2, strategy: { type: 'RollingUpdate' } })
    expect(status?.readyReplicas).toBe(2)
  })
})

describe('a job', () => {
  it.each(['crane', 'skopeo'] as const)('pushes and pulls the same image with %s', async (name) => {
    await using client = await logIn(name, registry, await jobToken('github', 'acme/app'))
    const pushed = await client.push(layout, `acme/app:${name}`)
    expect(pushed.exitCode, pushed.stderr).toBe(0)
    await pulls(client, `acme/app:${name}`)
  })

  describe('with docker', () => {
    const reference = `${registry}/acme/app:docker`
    let docker: Docker
    beforeAll(async () => {
      docker = await startDocker({ layout, reference })
      const jwt = await jobToken('github', 'acme/app')
      await docker.run(['login', registry, '--username', 'JWT', '--password-stdin'], jwt)
    })
    afterAll(() => docker[Symbol.asyncDispose]())

    it('pushes, pulls, and mounts what another repository has', async () => {
      const pushed = await docker.run(['push', reference])
      expect(pushed.exitCode, pushed.stderr).toBe(0)
      const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed.stdout)?.[1]
      await docker.run(['image', 'rm', reference])
      expect((await docker.run(['pull', reference])).stdout).toContain(`Digest: ${digest}`)
      const other = `${registry}/acme/app/other:docker`
      await docker.run(['tag', reference, other])
      expect((await docker.run(['push', other])).stdout).toMatch(/Mounted from acme\/app/)
    })
  })

  it('pushes what is pulled without login where the stack opens it', async () => {
    await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
    expect(await client.push(layout, `${OPEN}:1`)).toMatchObject({ exitCode: 0 })
    const target = await mkdtemp(join(work, 'open-'))
    await $({
      quiet: true,
    })`skopeo --insecure-policy copy --quiet --src-no-creds --src-tls-verify=false docker://${registry}/${OPEN}:1 oci:${target}`
    expect(await manifestDigest(target)).toBe(await manifestDigest(layout))
  })

  it('deletes an image, whose garbage is collected beside the registry, and pushes it again', async () => {
    const repository = 'acme/conformance/deleted'
    const jwt = await jobToken('github', 'acme/conformance')
    const image = await makeImage({ layers: 1, bytes: 50_000 })
    const digest = await manifestDigest(image)
    await using client = await logIn('crane', registry, jwt)
    expect(await client.push(image, `${repository}:1`)).toMatchObject({ exitCode: 0 })
    const { token } = await askToken(job(jwt), [`repository:${repository}:pull,delete`])
    const ask = (method: string) =>
      fetch(`http://${registry}/v2/${repository}/manifests/${digest}`, {
        method,
        headers: { authorization: `Bearer ${token}`, accept: 'application/vnd.oci.image.manifest.v1+json' },
      })
    expect((await ask('DELETE')).status).toBe(202)
    const kubernetes = dirname(await ensureTool('kubernetes'))
    const collect = ['registry', 'garbage-collect', '/etc/distribution/config.yml']
    const collected = await $({
      quiet: true,
      env: { ...process.env, KUBECONFIG: kubeconfigFile, PATH: `${kubernetes}:${process.env.PATH}` },
    })`kubectl -n ${namespace} exec deploy/registry -- ${collect}`
    expect(collected.stdout).toContain(`blob eligible for deletion: ${digest}`)
    expect((await ask('HEAD')).status).toBe(404)

    expect(await client.push(image, `${repository}:1`)).toMatchObject({ exitCode: 0 })
    const target = await mkdtemp(join(work, 'again-'))
    expect(await client.pull(`${repository}:1`, target)).toMatchObject({ exitCode: 0 })
    expect(await manifestDigest(target)).toBe(digest)
    await rm(image, { recursive: true })
  })

  it('pushes on while every pod of the registry is replaced', async () => {
    const before = (await core.listNamespacedPod({ namespace, labelSelector: 'app.kubernetes.io/name=registry' })).items
    await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
    let rolling = true
    const failures: string[] = []
    let pushes = 0
    const pushing = (async () => {
      while (rolling) {
        const image = await makeImage({ layers: 1, bytes: 50_000 })
        const { exitCode, stderr } = await client.push(image, `acme/app:rolling-${pushes++}`)
        if (exitCode !== 0) failures.push(stderr)
        await rm(image, { recursive: true })
      }
    })()
    try {
      const up = await upWith((text) =>
        onBucket(text).replace('config:', 'config:\n  passwordless-registry:labels: {rolled: "once"}'),
      )
      expect(up.code, up.output).toBe(0)
      await vi.waitFor(
        async () => {
          const { items } = await core.listNamespacedPod({ namespace })
          const names = items.map(({ metadata }) => metadata?.name)
          for (const { metadata } of before) expect(names).not.toContain(metadata?.name)
        },
        { timeout: 120_000, interval: 500 },
      )
    } finally {
      rolling = false
      await pushing
    }
    expect(failures).toEqual([])
    expect(pushes).toBeGreaterThan(5)
  })
})

describe('a mistake', () => {
  it.each([
    ['a bucket that is not there', { bucket: 'not-there' }, 'cannot use bucket not-there (s3): s3aws: NoSuchBucket'],
    ['a Secret that is not there', { secret: 'not-there' }, 'Secret not-there is not in the namespace'],
    // With this one the registry does not even start: these are its last words.
    [
      'a region that Amazon does not have',
      { endpoint: undefined, region: 'elsewhere-1' },
      'invalid region provided: elsewhere-1',
    ],
  ])('%s ends the up in one sentence, and the registry goes on', async (_, changed, sentence) => {
    const up = await upWith((text) => onBucket(text, changed))
    expect(up.code).not.toBe(0)
    expect(up.output).toContain(sentence)
    await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
    await pulls(client, 'acme/app:crane')
  })

  it('that is corrected is forgotten', async () => {
    const up = await upWith(onBucket)
    expect(up.code, up.output).toBe(0)
  })
})

/**
 * A clean-up that is killed half-way, by the commands of docs/operating.md: pushes are refused with a sentence while it
 * is announced, pulls go on, and pushes are taken again once it is gone. What it removes is
 * test/engine/clean-up.test.ts.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CoreV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { $ } from 'zx'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { projectDir, stateDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage } from '../../local/proof/image.ts'
import { upWith } from './changed-stack.ts'
import { hurryKubelet } from './hurry-kubelet.ts'
import { jobToken, registry } from './job.ts'
import { stackEnvironment } from './stack-environment.ts'
import { askToken, job, newPush } from './token-client.ts'

const namespace = 'passwordless-registry'
const name = 'registry-clean-up'
/** Starting a pod, and bringing a file to others, on a machine with other work. */
const PATIENCE = { timeout: 120_000, interval: 1_000 }
/** It never comes by itself while this test runs. */
const garbageCollection = { schedule: '0 0 29 2 *', minutes: 30 }

const core = loadKubeconfig(layoutOf(stateDir).kubeconfig).makeApiClient(CoreV1Api)
let layout: string
let ciToken: string
let commands: string[]

beforeAll(async () => {
  const page = await readFile(join(projectDir, 'docs', 'operating.md'), 'utf8')
  commands = [...page.matchAll(/^kubectl .*registry-clean-up.*$/gm)].map(([line]) => line.replace(/\s+#.*$/, ''))
  layout = await makeImage({ layers: 1, bytes: 50_000 })
  ciToken = await jobToken('github', 'acme/app')
  await using client = await logIn('crane', registry, ciToken)
  expect(await client.push(layout, 'acme/app:1')).toMatchObject({ exitCode: 0 })
  const up = await upWith((text) => {
    const file = parse(text)
    file.config['passwordless-registry:garbageCollection'] = garbageCollection
    return stringify(file)
  })
  expect(up.code, up.output).toBe(0)
})
afterAll(async () => {
  await rm(layout, { recursive: true, force: true })
  const { code, output } = await upWith((config) => config)
  expect(code, output).toBe(0)
})

/** Runs the page's command that contains a word, as a person types it. */
async function asWritten(word: string): Promise<string> {
  const command = commands.find((line) => line.includes(word)) ?? ''
  const { exitCode, stdout, stderr } = await $({
    quiet: true,
    nothrow: true,
    env: { ...process.env, ...(await stackEnvironment()) },
  })`sh -c ${command}`
  expect(exitCode, `${command}\n${stderr}`).toBe(0)
  return stdout
}

const announcement = async () => (await core.readNamespacedConfigMap({ namespace, name })).data?.['announcement.json']
const askPush = async () => {
  const { status, reason } = await askToken(job(ciToken), [newPush()])
  return `${status} ${reason}`
}
/** Both pods answer the same: clients are spread over them. */
const everyPush = (expected: RegExp) =>
  vi.waitFor(async () => {
    await hurryKubelet(core)
    for (let time = 0; time < 6; time++) expect(await askPush()).toMatch(expected)
  }, PATIENCE)

it('refuses pushes with the time, lets pulls go on, and takes pushes again when it is killed', async () => {
  await asWritten('create job')
  await vi.waitFor(async () => expect(await announcement()).toBeDefined(), PATIENCE)
  const { until } = JSON.parse((await announcement()) ?? '{}')
  await everyPush(/^401 DENIED No push at the moment/)
  expect(await askPush()).toContain(`is being cleaned up until about ${String(until).slice(11, 16)} UTC`)

  await using client = await logIn('crane', registry, ciToken)
  const refused = await client.push(layout, 'acme/app:2')
  expect(refused.exitCode).not.toBe(0)
  expect(refused.stderr).toContain('the registry is being cleaned up until about')
  expect(await askToken(job(ciToken), ['repository:acme/app:pull'])).toMatchObject({ status: 200 })
  await vi.waitFor(
    async () => expect(await asWritten('logs')).toContain('every token service refuses pushes'),
    PATIENCE,
  )

  await asWritten('delete job')
  await vi.waitFor(async () => expect(await announcement()).toBeUndefined(), PATIENCE)
  await everyPush(/^200 /)
  expect(await client.push(layout, 'acme/app:2')).toMatchObject({ exitCode: 0 })
})

it('takes pushes again where only the announcement is left, and a person takes it away', async () => {
  const until = new Date(Date.now() + 60 * 60_000).toISOString()
  const data = { 'announcement.json': JSON.stringify({ by: 'a pod that is gone', since: until, until }) }
  await core.patchNamespacedConfigMap(
    { namespace, name, body: { data } },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  )
  await everyPush(/^401 DENIED No push at the moment/)
  await asWritten('patch configmap')
  await everyPush(/^200 /)
})

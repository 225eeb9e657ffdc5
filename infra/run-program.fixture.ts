/** The whole program under Pulumi's mocks, for tests of what it asks the providers for. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as pulumi from '@pulumi/pulumi'
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest'
import { parse } from 'yaml'
import { type FakeAuthentik, startFakeAuthentik } from './authentik/authentik-api.fixture.ts'
import { type FakeCluster, startFakeCluster } from './kubernetes/cluster-api.fixture.ts'
import { type Made, recordingMocks } from './program.fixture.ts'

export const projectFile = () => readFileSync(join(import.meta.dirname, '..', 'Pulumi.yaml'), 'utf8')

/** The configuration of a stack as the engine hands it over: defaults of Pulumi.yaml, then the stack's own file. */
function configuration(stack: Record<string, unknown>): Record<string, string> {
  const project = parse(projectFile())
  const ours = Object.entries<{ default: unknown }>(project.config).filter(([key]) => !key.includes(':'))
  const defaults = ours.map(([key, { default: value }]) => [`passwordless-registry:${key}`, value])
  return Object.fromEntries(
    Object.entries({ ...Object.fromEntries(defaults), ...stack }).map(([key, value]) => [
      key,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  )
}

export const stackFile = (name: string): Record<string, unknown> =>
  parse(readFileSync(join(import.meta.dirname, '..', 'stacks', `Pulumi.${name}.yaml`), 'utf8')).config

/** The commented example for a real cluster, with the one value that it leaves to the person. */
export const example = () => ({ ...stackFile('example'), 'authentik:token': 'token-of-an-administrator' })

/** Registers the hooks of a test file and gives it the program. */
export function useProgram() {
  let made: Made[] = []
  let lastOutputs: Record<string, unknown> = {}
  let authentik: FakeAuthentik
  let cluster: FakeCluster
  beforeAll(async () => {
    authentik = await startFakeAuthentik()
    cluster = await startFakeCluster()
    // Each run of the program loads its modules again and would rebuild the same bundle.
    const service = await vi.importActual<typeof import('../service/bundle.ts')>('../service/bundle.ts')
    const files = await service.bundleService()
    vi.doMock('../service/bundle.ts', () => ({ ...service, bundleService: async () => files }))
  })
  afterAll(() => Promise.all([authentik[Symbol.asyncDispose](), cluster[Symbol.asyncDispose]()]))
  beforeEach(async () => {
    made = []
    lastOutputs = {}
    authentik.reset()
    await pulumi.runtime.setMocks(
      recordingMocks(
        (resource) => made.push(resource),
        () => lastOutputs,
      ),
      'passwordless-registry',
      'test',
      false,
      'acme',
    )
  })
  /** The program itself asks authentik and the cluster, so both are the fakes; all else follows the stack. */
  const reachable = (stack: Record<string, unknown>) => ({
    'passwordless-registry:authentikUrl': stack['authentik:url'],
    'kubernetes:kubeconfig': cluster.kubeconfig,
    ...stack,
    'authentik:url': authentik.url,
  })
  /** Runs it with a stack's configuration. @returns its outputs, and whether each is secret */
  const run = async (stack: Record<string, unknown>) => {
    vi.resetModules()
    pulumi.runtime.setAllConfig(configuration(reachable(stack)))
    const outputs: Record<string, unknown> = { ...(await import('./index.ts')) }
    const entries = await Promise.all(
      Object.entries(outputs).map(async ([key, value]) => {
        const output = pulumi.output(value)
        const secret = await pulumi.isSecret(output)
        return [key, { secret, value: await new Promise((resolve) => pulumi.unsecret(output).apply(resolve)) }] as const
      }),
    )
    await new Promise((resolve) => pulumi.runtime.disconnect().then(resolve))
    return Object.fromEntries(entries)
  }
  /** The resources of a type that the last run made. */
  const all = (type: string) => made.filter((resource) => resource.type === type)
  /** The only one of them. */
  const one = (type: string, name?: string): Made => {
    const found = all(type).filter((resource) => name === undefined || resource.name === name)
    expect(found, `${type} ${name ?? ''}`).toHaveLength(1)
    return found[0] as Made
  }
  /** What the run before put out. */
  const follows = (outputs: Record<string, unknown>) => {
    lastOutputs = outputs
  }
  return { run, follows, all, one, made: () => made, authentik: () => authentik }
}

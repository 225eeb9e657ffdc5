import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { deployed, type FakeCluster, startFakeCluster } from './cluster-api.fixture.ts'
import { missingOf, waitForRollouts } from './rollout.ts'

let cluster: FakeCluster
beforeAll(async () => {
  cluster = await startFakeCluster()
})
beforeEach(() => {
  cluster.answers = { ...deployed('token-service', 2), ...deployed('registry', 2) }
  cluster.asked.length = 0
})
afterAll(() => cluster[Symbol.asyncDispose]())

const PATH = '/apis/apps/v1/namespaces/passwordless-registry/deployments/registry'

/** @param limitMs far beyond what is needed, where it is not the point */
const wait = (limitMs = 60_000) =>
  waitForRollouts(
    {
      namespace: 'passwordless-registry',
      names: ['token-service', 'registry'],
      access: { kubeconfig: cluster.kubeconfig, context: undefined },
    },
    { limitMs, lookEveryMs: 1, settleMs: 0 },
  )

describe('a Deployment', () => {
  const complete = { observedGeneration: 3, replicas: 2, updatedReplicas: 2 }

  it.each<[string, object, number, string | undefined]>([
    ['all of whose pods are new', complete, 2, undefined],
    // What the controller writes when it has scaled, and the new pods do not exist yet: the provider calls that done.
    [
      'that was scaled and not yet rolled out',
      { observedGeneration: 3, replicas: 3, availableReplicas: 3 },
      3,
      '0 of 3 pods are new',
    ],
    ['with an old pod beside the new ones', { ...complete, replicas: 3 }, 2, '1 of 3 pods are old'],
    ['with a new pod that is not ready', { ...complete, availableReplicas: 1 }, 2, undefined],
    ['whose change was not seen', { ...complete, observedGeneration: 2 }, 2, 'its controller has not seen the change'],
    ['without a status', {}, 2, 'its controller has not seen the change'],
    ['with more pods than it had', complete, 4, '2 of 4 pods are new'],
    ['that an autoscaler has stopped', { observedGeneration: 3 }, 0, undefined],
  ])('%s', (_name, status, replicas, missing) => {
    expect(missingOf({ metadata: { generation: 3 }, spec: { replicas, selector: {}, template: {} }, status })).toBe(
      missing,
    )
  })
})

describe('the wait', () => {
  it('ends when all have rolled out', async () => {
    await wait()
    expect(cluster.asked).toHaveLength(2)
  })

  it('goes on until the last one has', async () => {
    Object.assign(cluster.answers, deployed('registry', 1))
    let over = false
    const waiting = wait().then(() => {
      over = true
    })
    await expect.poll(() => cluster.asked.length).toBeGreaterThan(4)
    expect(over).toBe(false)
    Object.assign(cluster.answers, deployed('registry', 2))
    await waiting
  })

  it('says what is missing, and where to look', async () => {
    Object.assign(cluster.answers, deployed('registry', 1))
    await expect(wait(0)).rejects.toThrow(
      'Deployment passwordless-registry/registry has not rolled out within 0 minutes: 1 of 2 pods are new. ' +
        'kubectl -n passwordless-registry get pods shows why.',
    )
  })

  it.each([403, 404, 500])('ends at a cluster that answers %i', async (status) => {
    cluster.answers[PATH] = { status, body: '{"secret":"of the cluster"}' }
    await expect(wait()).rejects.toThrow(
      /^the cluster of context "production" \(http:\S+\) does not say whether Deployment passwordless-registry\/registry has rolled out \(status \d+\)\.$/,
    )
  })
})

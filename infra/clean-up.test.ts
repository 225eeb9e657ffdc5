/** The clean-up of the registry as settings, and as objects for Kubernetes. */
import { describe, expect, it } from 'vitest'
import { parseSettings } from './config.ts'
import { example, useProgram } from './run-program.fixture.ts'

const { run, all, one } = useProgram()

const host = 'registry.example.com'
const schedule = '30 3 * * 0'
const rules = [{ repositories: ['acme/**'], keep: { newest: 20 } }]
const jwks = { keys: [{ kid: '1', kty: 'EC', crv: 'P-256', x: 'x'.repeat(43), y: 'y'.repeat(43) }] }
const identity = { issuer: 'https://kubernetes.default.svc', jwks }
const settingsOf = (settings: Record<string, unknown>) => {
  const texts = Object.entries({ host, ...settings }).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return parseSettings({
    settings: Object.fromEntries(texts),
    authentikUrl: 'https://authentik.example.com',
    hasAuthentikToken: true,
  })
}

describe('the settings', () => {
  it('switch nothing on by default', () => {
    const { settings } = settingsOf({})
    expect([settings.garbageCollection, settings.retention]).toEqual([undefined, undefined])
  })

  it('have defaults of their own', () => {
    expect(settingsOf({ garbageCollection: { schedule } }).settings.garbageCollection).toEqual({
      schedule,
      timeZone: 'Etc/UTC',
      minutes: 60,
    })
  })

  it.each([
    [{ schedule: '30 3 * *' }, 'garbageCollection.schedule: expected five fields'],
    [{ schedule, timeZone: 'Mars/Olympus' }, 'garbageCollection.timeZone: expected the name of a time zone'],
    [{ schedule, minutes: 5 }, 'garbageCollection.minutes: expected at least 15 minutes'],
    [{ schedule, minutes: 20 }, 'garbageCollection.minutes: expected at least 25: registry tokens live 10 minutes'],
    [{ minutes: 60 }, 'garbageCollection.schedule: expected a schedule'],
  ])('refuse %j', (garbageCollection, sentence) => {
    expect(() => settingsOf({ garbageCollection })).toThrow(sentence)
  })

  it.each([
    [{ rules: [] }, 'retention.rules: expected at least one rule'],
    [{ rules: [{ repositories: ['acme/**'], keep: {} }] }, 'expected at least one of tags, newest and youngerThanDays'],
    [{ rules: [{ repositories: ['Acme'], keep: { newest: 1 } }] }, 'expected a pattern of repositories'],
    [{ apply: 'yes', rules }, 'retention.apply: expected true or false'],
  ])('refuse %j', (retention, sentence) => {
    expect(() => settingsOf({ garbageCollection: { schedule }, retention })).toThrow(sentence)
  })

  it('want a collection beside retention, and a rule for its account', () => {
    expect(() => settingsOf({ retention: { rules } })).toThrow('retention: expected garbageCollection beside it')
    expect(() => settingsOf({ garbageCollection: { schedule }, retention: { rules } })).toThrow(
      'retention: expected a rule that lets the account of the registry see the catalog',
    )
  })

  it('take the audience of the source whose rule names the account', () => {
    const cluster = { slug: 'cluster', platform: 'oidc', ...identity, audience: 'cluster.example.com' }
    const sub = 'system:serviceaccount:passwordless-registry:registry'
    const { settings } = settingsOf({
      garbageCollection: { schedule },
      retention: { rules },
      sources: [{ slug: 'github', platform: 'github' }, cluster],
      trust: [{ source: 'cluster', claims: { sub }, pull: ['**'], delete: ['**'], catalog: true }],
    })
    expect(settings.retention).toEqual({ rules: { apply: false, rules }, audience: 'cluster.example.com' })
  })
})

describe('Kubernetes', () => {
  const CRON_JOB = 'kubernetes:batch/v1:CronJob'

  it('has no clean-up by default, and token services that would hear of one', async () => {
    await run(example())
    expect(all(CRON_JOB)).toEqual([])
    const pod = one('kubernetes:apps/v1:Deployment', 'token-service').inputs.spec.template.spec
    expect(pod.volumes).toContainEqual({ name: 'clean-up', configMap: { name: 'registry-clean-up', optional: true } })
  })

  it('collects with the registry as it runs, beside what keeps pushes away', async () => {
    await run({ ...example(), 'passwordless-registry:garbageCollection': { schedule, minutes: 60 } })
    const { spec } = one(CRON_JOB).inputs
    expect(spec).toMatchObject({ schedule, timeZone: 'Etc/UTC', concurrencyPolicy: 'Forbid' })
    const { backoffLimit, template } = spec.jobTemplate.spec
    expect(backoffLimit).toBe(0)
    const pod = template.spec
    const served = one('kubernetes:apps/v1:Deployment', 'registry').inputs.spec.template.spec
    const [collect] = pod.containers
    expect(collect.command).toEqual(['registry', 'garbage-collect', '--quiet', '/etc/distribution/config.yml'])
    for (const field of ['image', 'env', 'volumeMounts', 'securityContext']) {
      expect(collect[field], field).toEqual(served.containers[0][field])
    }
    expect(pod.volumes).toEqual(expect.arrayContaining(served.volumes))
    expect(pod.serviceAccountName).toBe(served.serviceAccountName)
    // It ends before its announcement does.
    expect(pod.activeDeadlineSeconds + pod.terminationGracePeriodSeconds).toBeLessThan(60 * 60)
    expect(pod.initContainers.map(({ name, restartPolicy }: Record<string, string>) => [name, restartPolicy])).toEqual([
      ['hold', 'Always'],
    ])
    // Only what holds the announcement has a token for Kubernetes.
    expect(pod.automountServiceAccountToken).toBe(false)
    expect(JSON.stringify(pod.containers)).not.toContain('"account"')
  })

  it('lets the job read and change the announcement, and nothing else', async () => {
    await run({ ...example(), 'passwordless-registry:garbageCollection': { schedule } })
    expect(one('kubernetes:rbac.authorization.k8s.io/v1:Role').inputs.rules).toEqual([
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['registry-clean-up'], verbs: ['get', 'patch'] },
    ])
    expect(one('kubernetes:core/v1:ConfigMap', 'registry-clean-up').inputs).not.toHaveProperty('data')
  })
})

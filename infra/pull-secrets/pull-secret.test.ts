/** The setting `pullSecrets` in the whole program. */
import { describe, expect, it } from 'vitest'
import { example, useProgram } from '../run-program.fixture.ts'
import { schedule } from './pull-secret.ts'

const { run, one, all } = useProgram()
const shop = { namespace: 'shop', serviceAccounts: ['default'] }
const stack = (pullSecrets: unknown, more: object = {}) => ({
  ...example(),
  'passwordless-registry:clusterPulls': true,
  'passwordless-registry:pullSecrets': pullSecrets,
  ...more,
})
const RBAC = 'kubernetes:rbac.authorization.k8s.io/v1'

describe('a pull secret', () => {
  it('is written by an account that can do nothing else', async () => {
    await run(stack([shop]))
    const { metadata, rules } = one(`${RBAC}:Role`).inputs
    expect(metadata).toMatchObject({ name: 'pull-secret-shop', namespace: 'shop' })
    expect(rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['passwordless-registry'], verbs: ['patch'] },
      { apiGroups: [''], resources: ['serviceaccounts'], resourceNames: ['default'], verbs: ['patch'] },
    ])
    expect(one(`${RBAC}:RoleBinding`).inputs).toMatchObject({
      metadata: { namespace: 'shop' },
      roleRef: { kind: 'Role', name: 'pull-secret-shop' },
      subjects: [{ kind: 'ServiceAccount', name: 'pull-secret-shop', namespace: 'passwordless-registry' }],
    })
  })

  it('is the Secret of the stack, whose contents the stack leaves alone', async () => {
    await run(stack([shop]))
    const secret = one('kubernetes:core/v1:Secret', 'pull-secret-shop').inputs
    expect(secret).toMatchObject({
      metadata: { name: 'passwordless-registry', namespace: 'shop' },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': '{"auths":{}}' },
    })
  })

  it('is filled at once, and six times in the life of a session, by a restricted pod with two short tokens', async () => {
    await run(stack([shop]))
    const cron = one('kubernetes:batch/v1:CronJob').inputs.spec
    expect(cron).toMatchObject({ schedule: '7 */1 * * *', concurrencyPolicy: 'Forbid' })
    const { spec } = one('kubernetes:batch/v1:Job').inputs.spec.template
    expect(spec).toEqual(cron.jobTemplate.spec.template.spec)
    expect(spec).toMatchObject({
      serviceAccountName: 'pull-secret-shop',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true },
    })
    expect(spec.volumes[1].projected.sources).toEqual([
      { serviceAccountToken: { path: 'token', expirationSeconds: 600, audience: 'registry.example.com' } },
    ])
    expect(JSON.parse(spec.containers[0].env[0].value)).toMatchObject({
      tokenUrl: 'http://token-service:9001/token',
      registry: 'registry.example.com',
      namespace: 'shop',
      serviceAccounts: ['default'],
    })
  })

  it('pulls by a rule of its own account, what the owners push or what the entry names', async () => {
    const { trust } = await run(stack([shop, { namespace: 'web', pull: ['web/**'] }]))
    expect(trust?.value).toEqual(
      expect.arrayContaining([
        'pull acme/**: service account pull-secret-shop of namespace passwordless-registry',
        'pull web/**: service account pull-secret-web of namespace passwordless-registry',
      ]),
    )
  })

  it('reaches the token service where network policies let only the ingress in', async () => {
    await run(stack([shop], { 'passwordless-registry:ingressNamespace': 'ingress-nginx' }))
    const { ingress } = one('kubernetes:networking.k8s.io/v1:NetworkPolicy', 'token-service').inputs.spec
    expect(ingress[0].from).toContainEqual({
      podSelector: { matchLabels: expect.objectContaining({ 'app.kubernetes.io/name': 'pull-secret' }) },
    })
  })

  it('does not exist by default', async () => {
    await run(stack([]))
    expect([...all('kubernetes:batch/v1:CronJob'), ...all('kubernetes:batch/v1:Job'), ...all(`${RBAC}:Role`)]).toEqual(
      [],
    )
  })

  it.each<[unknown, object, RegExp]>([
    [[shop], { 'passwordless-registry:clusterPulls': '' }, /pullSecrets: expected clusterPulls .*clusterPulls true/s],
    [[shop], { 'passwordless-registry:sessionHours': 0 }, /pullSecrets: expected sessions, .*sessionHours 6/s],
    [[shop, shop], {}, /pullSecrets: expected each namespace once/],
    [['shop'], {}, /pullSecrets\.0: expected an entry/],
    [[{ namespace: 'Shop' }], {}, /pullSecrets\.0\.namespace: expected a Kubernetes name/],
    [[{ namespace: 'a'.repeat(41) }], {}, /a name of at most 40 characters/],
    [[{ namespace: 'shop', serviceAccounts: ['*'] }], {}, /serviceAccounts\.0: expected a Kubernetes name/],
    [[{ namespace: 'shop', pull: ['Acme/**'] }], {}, /trust: rule 2, pull: .*upper-case/],
  ])('stops at a mistake: %j %j', async (pullSecrets, more, message) => {
    await expect(run(stack(pullSecrets, more))).rejects.toThrow(message)
  })
})

it.each([
  [1, '*/10 * * * *'],
  [2, '*/20 * * * *'],
  [5, '*/50 * * * *'],
  [6, '7 */1 * * *'],
  [12, '7 */2 * * *'],
  [24, '7 */4 * * *'],
])('a session of %i hours is replaced in time: %s', (hours, expected) => {
  expect(schedule(hours)).toBe(expected)
})

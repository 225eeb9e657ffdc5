/**
 * Keys that change: authentik signs with a new one only when registry and token service know it, an older one stays
 * trusted as long as its tokens live, and revoked ones are worth nothing.
 */
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parseRecord, recordText } from '../../infra/authentik/key-plan.ts'
import { deployed } from '../../infra/kubernetes/cluster-api.fixture.ts'
import { authentikVersion } from './authentik-version.ts'
import { openProgramWorld, type ProgramWorld, PUSHED, type Resource, type Row } from './program-world.ts'

// Several runs of the engine each, on a machine that may be busy.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })

const UP = ['up', '--yes', '--skip-preview']
const setting = (name: string) => `passwordless-registry:${name}`
const kidOf = (token = '') => decodeProtectedHeader(token).kid

let world: ProgramWorld
beforeAll(async () => {
  world = await openProgramWorld(authentikVersion)
  // As in production: keys are protected.
  await world.configure({ [setting('deleteImages')]: false })
  await world.project.expect(...UP)
})
afterAll(() => world[Symbol.asyncDispose]())

/** Key ids that the registry and the token service trust, as their files in the cluster have them. */
async function trusted(): Promise<string[]> {
  const files = (await world.resources()).filter(({ type }) => type === 'kubernetes:core/v1:ConfigMap')
  const data = files.map(({ inputs }) => inputs?.data as Record<string, string> | undefined)
  const [registry, ...more] = data.flatMap((each) =>
    [each?.['jwks.json'] ?? [], each?.['registry-jwks.json'] ?? []].flat(),
  )
  // The token service reads in their certificates how old they are.
  const keysIn = (text = '{}') => JSON.parse(text).keys.map(({ x5c, ...key }: { kid: string; x5c?: unknown }) => key)
  expect(more.map(keysIn), 'both have the same keys').toEqual([keysIn(registry)])
  return keysIn(registry).map(({ kid }: { kid: string }) => kid)
}

const pairs = async () => (await world.list('crypto/certificatekeypairs/')).map(({ name }) => name).sort()

/** Names of the private keys in the state, and which of them are protected. */
async function privateKeys(): Promise<Record<string, boolean>> {
  const keys = (await world.resources()).filter(({ type }) => type === 'tls:index/privateKey:PrivateKey')
  const named = keys.map((key) => [key.urn.split('::').at(-1) ?? '', Boolean((key as { protect?: boolean }).protect)])
  return Object.fromEntries(named.filter(([name]) => name !== 'registry-http-secret'))
}

const quiet = () => world.project.expect('preview', '--expect-no-changes', '--diff')

/** As if the provider had begun to sign with its key an hour earlier. */
async function letAnHourPass(): Promise<void> {
  const path = 'core/applications/docker-registry/'
  const record = parseRecord(((await world.api('GET', path)) as Row).meta_description)
  if (record === undefined) throw new Error('the application says nothing of its key')
  const since = new Date(Date.parse(record.since) - 3_600_000).toISOString().replace('.000', '')
  await world.api('PATCH', path, { meta_description: recordText({ ...record, since }) })
}

describe('a stack from the time of one key for both', () => {
  let formerToken: string | undefined
  let session: string

  /** Makes authentik and the state what the older program left. */
  async function makeOld(): Promise<void> {
    const [pair] = await world.list('crypto/certificatekeypairs/?name=ci-session-1')
    await world.api('PATCH', `crypto/certificatekeypairs/${pair?.pk}/`, { name: 'docker-registry' })
    const [provider] = await world.list('providers/oauth2/?name=docker-registry')
    await world.api('PATCH', `providers/oauth2/${provider?.pk}/`, { signing_key: pair?.pk })
    const [other] = await world.list('crypto/certificatekeypairs/?name=docker-registry-1')
    await world.api('DELETE', `crypto/certificatekeypairs/${other?.pk}/`)
    for (const slug of ['docker-registry', 'ci-session']) {
      await world.api('PATCH', `core/applications/${slug}/`, { meta_description: '' })
    }
    const old = (resources: Resource[]) =>
      JSON.stringify(resources)
        .replaceAll('ci-session-1', 'docker-registry')
        .replaceAll(String(other?.pk), String(pair?.pk))
        .replaceAll(/"metaDescription":"[^"]*",?/g, '')
        .replaceAll(',}', '}')
    await world.changeState((resources) =>
      JSON.parse(
        old(
          resources
            .filter(({ urn }) => !urn.endsWith('::docker-registry-1'))
            .map((resource) => ({ ...resource, dependencies: [], propertyDependencies: {} })),
        ),
      ),
    )
  }

  beforeAll(async () => {
    await makeOld()
    session = await world.openSession()
    formerToken = await world.registryToken(session)
    expect(kidOf(formerToken)).toBe(kidOf(session))
  })

  it('gets a key for registry tokens of its own; sessions go on, and so do the tokens that were given before', async () => {
    await world.project.expect(...UP)
    expect(await pairs()).toEqual(['ci-session-1', 'docker-registry-1'])
    const token = await world.registryToken(session)
    expect(kidOf(token)).not.toBe(kidOf(session))
    expect(await trusted()).toEqual([kidOf(token), kidOf(formerToken)])
    expect(kidOf(await world.openSession())).toBe(kidOf(session))
    expect(await privateKeys()).toEqual({ 'ci-session-1': true, 'docker-registry-1': true })
    await quiet()
  })
})

describe('keyGeneration', () => {
  let session: string
  let before: string | undefined
  beforeAll(async () => {
    session = await world.openSession()
    before = kidOf(await world.registryToken())
  })

  it.each(['registry', 'token-service'])(
    'signs with the old key while %s cannot be changed, and can be taken back',
    async (name) => {
      await world.configure({ [setting('keyGeneration')]: 2 })
      await world.refuse(name)
      // All that does not wait for it is changed.
      const { exitCode, output } = await world.project.run(...UP, '--continue-on-error')
      expect(exitCode).not.toBe(0)
      expect(output).toContain(`${name} is refused by the test`)
      expect(kidOf(await world.registryToken(session))).toBe(before)
      expect(await world.push()).toBe(PUSHED)

      await world.configure({ [setting('keyGeneration')]: 1 })
      await world.refuse()
      await world.project.expect(...UP)
      expect(await pairs()).toEqual(['ci-session-1', 'docker-registry-1'])
      expect(kidOf(await world.registryToken(session))).toBe(before)
      await quiet()
    },
  )

  it('signs with the old key until all pods are new, although the provider calls the rollout done', async () => {
    await world.configure({ [setting('keyGeneration')]: 2, [setting('replicas')]: 4 })
    Object.assign(world.cluster.answers, deployed('token-service', 1))
    const up = world.project.run(...UP)
    const looks = () => world.cluster.asked.filter((asked) => asked.includes('/deployments/token-service ')).length
    await vi.waitUntil(() => looks() >= 3, { timeout: 60_000 })
    expect(kidOf(await world.registryToken(session))).toBe(before)
    world.cluster.answers = {}
    const { exitCode, output } = await up
    expect(exitCode).not.toBe(0)
    expect(output).toMatch(/authentik keeps signing with the key from before: .* does not say whether Deployment/)
    expect(output).toContain('Fix the cause and run `pulumi up` again.')
    expect(kidOf(await world.registryToken(session))).toBe(before)

    world.cluster.answers = { ...deployed('token-service', 2), ...deployed('registry', 2) }
    await world.configure({ [setting('keyGeneration')]: 1 })
    await world.project.expect(...UP)
  })

  it('one up changes it: both keys are trusted, no session is lost, and the next preview is quiet', async () => {
    await world.configure({ [setting('keyGeneration')]: 2 })
    const output = await world.project.expect(...UP)
    expect(output).toMatch(/changes from key 1 to key 2 as soon as the registry and the token service trust both/)
    const after = kidOf(await world.registryToken(session))
    expect(after).not.toBe(before)
    expect(await trusted()).toEqual([after, before, kidOf(session)])
    expect(await quiet()).toMatch(/key 1 stays trusted until \d{4}-.*Z, when its last tokens have expired/)
    expect(await privateKeys()).toMatchObject({ 'docker-registry-1': false })
    await world.project.expect(...UP)
    expect(await privateKeys()).toEqual({ 'ci-session-1': true, 'docker-registry-1': false, 'docker-registry-2': true })
    expect(await trusted()).toEqual([after, before, kidOf(session)])
  })

  it('the next up after the end of its last tokens drops the old key, and says so', async () => {
    await letAnHourPass()
    expect(await world.project.expect(...UP)).toContain('this `pulumi up` drops key 1, whose last tokens have expired')
    expect(await trusted()).toEqual([kidOf(await world.registryToken(session)), kidOf(session)])
    expect(await pairs()).toEqual(['ci-session-1', 'docker-registry-2'])
    expect(await privateKeys()).toEqual({ 'ci-session-1': true, 'docker-registry-2': true })
    expect(await quiet()).not.toContain('Signing key')
  })
})

describe('sessionKeyGeneration', () => {
  it('ends all sessions; registry tokens go on, and new logins work', async () => {
    const session = await world.openSession()
    const token = kidOf(await world.registryToken(session))
    await world.configure({ [setting('sessionKeyGeneration')]: 2 })
    expect(await world.project.expect(...UP)).toMatch(/warning: Signing key of sessions: .* all sessions end/)
    expect(await world.registryToken(session)).toBeUndefined()
    const next = await world.openSession()
    expect(kidOf(await world.registryToken(next))).toBe(token)
    expect(await trusted()).toEqual([token, kidOf(next), kidOf(session)])
    await quiet()
  })
})

describe('revokeKeys', () => {
  it('ends everything at once, and says what it costs', async () => {
    const session = await world.openSession()
    const before = await trusted()
    await world.configure({ [setting('revokeKeys')]: true })
    const output = await world.project.expect(...UP)
    expect(output).toMatch(/warning: revokeKeys: .* ends every session and every registry token/)
    expect(await world.registryToken(session)).toBeUndefined()
    const next = await world.openSession()
    const after = await trusted()
    expect(after).toEqual([kidOf(await world.registryToken(next)), kidOf(next)])
    expect(after.filter((kid) => before.includes(kid))).toEqual([])
  })

  it('the next up takes the revoked keys away, and asks for the setting to be taken away', async () => {
    const session = await world.openSession()
    expect(await world.project.expect(...UP)).toContain('revokeKeys: done. Remove it: pulumi config rm revokeKeys')
    expect(await pairs()).toEqual(['ci-session-2.1', 'docker-registry-2.1'])
    expect(await privateKeys()).toEqual({ 'ci-session-2.1': true, 'docker-registry-2.1': true })
    await quiet()
    await world.configure({ [setting('revokeKeys')]: false })
    await quiet()
    expect(await world.registryToken(session)).toBeDefined()
  })

  it('a later rotation is one like any other', async () => {
    const session = await world.openSession()
    const before = kidOf(await world.registryToken(session))
    await world.configure({ [setting('keyGeneration')]: 3 })
    await world.project.expect(...UP)
    expect(await trusted()).toEqual([kidOf(await world.registryToken(session)), before, kidOf(session)])
    await quiet()
  })
})

/** `npm run adopt` with the real engine: objects made by hand, and those of an older state of this program. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { projectDir } from '../../local/paths.ts'
import { setUpAuthentik } from './authentik-objects.ts'
import { API_TOKEN, openProgramWorld, type ProgramWorld, PUSHED, type Row } from './program-world.ts'

// Several runs of the engine each, on a machine that may be busy.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })

let world: ProgramWorld
beforeEach(async () => {
  world = await openProgramWorld('2026.8.3')
})
afterEach(() => world[Symbol.asyncDispose]())

/** @param during called once the command has started, with what ends it */
async function adopt(args: readonly string[] = [], during?: (interrupt: () => void) => Promise<void>) {
  const { directory: cwd, environment: env } = world.project
  const node = join(projectDir, 'node_modules/.bin/node')
  const main = join(projectDir, 'adopt/adopt-main.ts')
  const child = spawn(node, [main, '--stack', 'test', ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const printed = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  await during?.(() => process.kill(-(child.pid ?? 0), 'SIGINT'))
  const [stdout, stderr, [code]] = await printed
  return { code: code as number | null, stdout, all: `${stdout}\n${stderr}` }
}

const authentiks = async () => (await world.resources()).filter(({ type }) => type.startsWith('authentik:index/'))
const count = async () => (await authentiks()).length

/** Everything that authentik has of the kinds that the program makes, to see that nothing was changed. */
const everything = async () => {
  const paths = ['sources/oauth', 'providers/oauth2', 'core/applications', 'core/groups', 'policies/bindings']
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await world.list(`${path}/`)])))
}

/** As a person makes them after a recipe for one source, with a few things of his own. */
async function setUpByHand() {
  const { config } = await readConfig()
  const [{ jwksUrl }] = config['passwordless-registry:sources'] as [{ jwksUrl: string }]
  await setUpAuthentik({
    url: world.url,
    apiToken: API_TOKEN,
    sources: [{ slug: 'github', platform: 'github', jwksUrl }],
    rules: [{ github: { owners: [{ name: 'acme', id: '501' }] } }],
    audience: 'registry.example.com',
  })
  const openid = await world.api('POST', 'propertymappings/provider/scope/', {
    name: 'of the company',
    scope_name: 'openid',
    expression: 'return {}',
  })
  const provider = await one('providers/oauth2/?name=docker-registry')
  await world.api('PATCH', `providers/oauth2/${provider.pk}/`, {
    access_token_validity: 'hours=1',
    property_mappings: [...(provider.property_mappings as string[]), (openid as Row).pk],
  })
  const writers = (await world.api('POST', 'core/groups/', { name: 'writers' })) as Row
  const application = await one('core/applications/?slug=docker-registry')
  await world.api('POST', 'policies/bindings/', { target: application.pk, group: writers.pk, order: 5 })
}

const readConfig = async () => parse(await readFile(join(world.project.directory, 'Pulumi.test.yaml'), 'utf8'))

async function one(path: string): Promise<Row> {
  const [row] = await world.list(path)
  if (row === undefined) throw new Error(`authentik has none of ${path}`)
  return row
}

describe('a set-up by hand', () => {
  it('is adopted as announced, interrupted and run again, and then there is nothing to change', async () => {
    await setUpByHand()
    const before = await everything()

    const announced = await adopt()
    expect(announced.code, announced.all).toBe(0)
    expect(announced.stdout).toContain('source docker-registry-github')
    expect(announced.stdout).toContain('overwritten: accessTokenValidity: "hours=1" becomes "minutes=10"')
    expect(announced.stdout).toContain('left: scope mapping "of the company" stays in authentik')
    expect(announced.stdout).toMatch(/left: its binding of group "writers" stays and keeps admitting people/)
    expect(announced.stdout).toMatch(/Not in authentik.*\n.*\n?.*source docker-registry-gitlab/)
    expect(announced.stdout).toContain('Nothing was changed.')
    expect(await everything()).toEqual(before)
    expect(await count().catch(() => 0)).toBe(0)

    const interrupted = await adopt(['--yes'], async (interrupt) => {
      await vi.waitUntil(async () => (await count().catch(() => 0)) > 0, { timeout: 120_000, interval: 5 })
      interrupt()
    })
    expect(interrupted.code).not.toBe(null)
    const again = await adopt(['--yes'])
    expect(again.code, again.all).toBe(0)
    expect(await everything()).toEqual(before)
    const names = (await authentiks()).map(({ type, urn }) => `${type.split(':').at(-1)} ${urn.split('::').at(-1)}`)
    expect(names.sort()).toEqual([
      'Application ci-session',
      'Application docker-registry',
      'Group acl_docker_pull',
      'Group acl_docker_push',
      'Group docker-registry-trust',
      'PolicyBinding ci-session',
      'PolicyBinding docker-registry',
      'PolicyExpression docker-registry-trust',
      'PropertyMappingProviderScope ci-session',
      'PropertyMappingProviderScope docker-registry',
      'ProviderOauth2 ci-session',
      'ProviderOauth2 docker-registry',
      'SourceOauth docker-registry-github',
    ])
    expect((await adopt()).stdout).toContain('Nothing to adopt')

    await world.project.expect('up', '--yes', '--skip-preview')
    await world.project.expect('preview', '--expect-no-changes', '--diff')
    expect(await world.push()).toBe(PUSHED)
    expect(announced.all + again.all).not.toMatch(/PRIVATE KEY|program-test-api-token/)
  })
})

describe('objects of an older state of this program', () => {
  it('are adopted when the state is lost, each as announced', async () => {
    await world.project.expect('up', '--yes', '--skip-preview')
    const made = await count()
    await world.changeState(() => [])
    const { code, stdout, all } = await adopt(['--yes'])
    expect(code, all).toBe(0)
    expect(await count()).toBe(made)
    expect(stdout).toContain('and nothing else')
    // The keys were in the state alone; all else is as the program makes it.
    expect(stdout).toContain('its private key is replaced')
    expect(stdout).toMatch(/group acl_docker_push.*\n {4}as it is/)
    await world.project.expect('up', '--yes', '--skip-preview')
    expect(await world.push()).toBe(PUSHED)
  })
})

describe('what the stack may not take', () => {
  it('a login source and an ambiguous provider are refused with a sentence, and stay out of the state', async () => {
    await setUpByHand()
    await world.changeSource('docker-registry-github', { consumer_key: 'of-the-company', consumer_secret: 'x' })
    const provider = await one('providers/oauth2/?name=ci-session')
    await world.api('PATCH', `providers/oauth2/${provider.pk}/`, { client_id: 'another' })
    const { pk: _, name: __, client_id: ___, assigned_application_slug: ____, ...fields } = provider
    await world.api('POST', 'providers/oauth2/', { ...fields, name: 'another', client_id: 'ci-session' })
    const { code, stdout } = await adopt(['--yes'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/Refused:\n(.*\n)*.*source docker-registry-github: people log in through it/)
    expect(stdout).toMatch(/provider ci-session: there are 2 that it could be: ci-session \(\d+\), another \(\d+\)/)
    const urns = (await authentiks()).map(({ urn }) => urn)
    expect(urns.filter((urn) => urn.includes('SourceOauth') || /ProviderOauth2::ci-session/.test(urn))).toEqual([])
  })
})

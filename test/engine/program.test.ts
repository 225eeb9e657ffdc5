/** The program with each version of authentik, and with one that cannot be worked with: nothing of it stays behind. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { checkPolicy } from '../../doctor/policy.ts'
import { authentikApi } from '../../infra/authentik/api.ts'
import { API_TOKEN, openProgramWorld, type ProgramWorld, PUSHED, type Row } from './program-world.ts'

// Several runs of the engine each, on a machine that may be busy.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })

const NOTHING_LISTENS = 'http://127.0.0.1:9'

describe('an authentik that cannot be worked with', () => {
  let world: ProgramWorld
  beforeAll(async () => {
    world = await openProgramWorld('2026.8.3')
  })
  afterAll(() => world[Symbol.asyncDispose]())

  /** What a run says that is stopped: one sentence, no trace of the program's own lines, and nothing made. */
  const stopped = async (...command: string[]) => {
    const { exitCode, output } = await world.project.run(...command)
    expect(exitCode, output).not.toBe(0)
    expect(output).toContain('Nothing was changed.')
    expect(output).not.toMatch(/unhandled|\.ts:\d|node_modules|\n\s+at /)
    expect(await world.list('core/applications/')).toEqual([])
    const made = JSON.parse(await world.project.state()).checkpoint.latest?.resources ?? []
    expect(made.filter(({ type }: { type: string }) => type !== 'pulumi:pulumi:Stack')).toEqual([])
    return output
  }

  it('is not there: preview and up say so', async () => {
    await world.configure({ 'authentik:url': NOTHING_LISTENS })
    expect(await stopped('preview')).toContain(`authentik cannot be reached at ${NOTHING_LISTENS}: `)
    expect(await stopped('up', '--yes', '--skip-preview')).toContain('Is authentik:url (or AUTHENTIK_URL) right')
    await world.configure({ 'authentik:url': world.url })
  })

  it('refuses the API token: says where it is set, and does not show it', async () => {
    await world.project.expect('config', 'set', '--secret', 'authentik:token', 'wrong-token')
    for (const command of [['preview'], ['up', '--yes', '--skip-preview']]) {
      const output = await stopped(...command)
      expect(output).toMatch(/refuses the API token \(403: Token invalid\/expired\).*--secret authentik:token/)
      expect(output).not.toContain('wrong-token')
    }
    await world.project.expect('config', 'rm', 'authentik:token')
  })

  it('is too old: says which one is needed', async () => {
    await world.becomes('2025.12.4')
    expect(await stopped('preview')).toMatch(/is 2025\.12\.4, which is too old: 2026\.5 or newer is needed/)
    await world.becomes('2026.8.3')
  })

  it('whose address was mistyped after an up does not keep the stack from being destroyed', async () => {
    await world.project.expect('up', '--yes', '--skip-preview')
    await world.configure({ 'authentik:url': NOTHING_LISTENS })
    const { exitCode, output } = await world.project.run('up', '--yes', '--skip-preview')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('Nothing was changed.')
    expect(await world.project.state()).not.toContain(NOTHING_LISTENS)
    await world.configure({ 'authentik:url': world.url })
    await world.project.expect('destroy', '--yes', '--skip-preview')
    expect(await world.list('core/applications/')).toEqual([])
  })
})

describe('an update of authentik', () => {
  let world: ProgramWorld
  beforeAll(async () => {
    world = await openProgramWorld('2026.2.2')
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const unchanged = async () => {
    await world.project.expect('preview', '--expect-no-changes', '--diff')
    await world.project.expect('refresh', '--yes', '--expect-no-changes', '--diff')
  }

  it('2026.2 works as before, with a warning', async () => {
    const output = await world.project.expect('up', '--yes', '--skip-preview')
    expect(output).toMatch(/warning: authentik at .* is 2026\.2\.2, which is out of support/)
    expect(await world.push()).toBe(PUSHED)
    await unchanged()
  })

  it('after the update, one up sets the grants of the providers', async () => {
    await world.becomes('2026.8.3')
    const output = await world.project.expect('up', '--yes', '--skip-preview')
    expect(output).not.toContain('out of support')
    for (const provider of await world.list('providers/oauth2/')) {
      expect(provider).toMatchObject({
        grant_types: ['client_credentials'],
        redirect_uris: [expect.objectContaining({ matching_mode: 'strict', url: 'https://unused.invalid' })],
      })
    }
    expect(await world.push()).toBe(PUSHED)
    await unchanged()
  })

  it('the doctor sees what somebody changes about the policy, and `pulumi up --refresh` puts it back', async () => {
    const look = () => checkPolicy(authentikApi({ url: world.url, token: API_TOKEN }), true)
    expect(await look()).toMatchObject({ state: 'ok' })
    const [policy] = await world.list('policies/expression/')
    const [binding, other] = (await world.list('policies/bindings/')) as [Row, Row]
    await world.api('PATCH', `policies/expression/${policy?.pk}/`, { expression: 'return True' })
    await world.api('PATCH', `policies/bindings/${binding.pk}/`, { negate: true })
    const [group] = await world.list('core/groups/')
    await world.api('POST', 'policies/bindings/', { target: other.target, group: group?.pk, order: 1 })
    const { state, found } = await look()
    expect(state).toBe('wrong')
    // Which of the two applications is listed first, is left to authentik.
    expect(found.split('; ').map((problem) => problem.replace(/docker-registry$|ci-session$/, '...'))).toEqual(
      expect.arrayContaining([
        'the policy docker-registry-trust is not that of this version',
        'the policy does not decide at application ...',
        expect.stringMatching(/^application \S+ has 1 other binding$/),
      ]),
    )
    await world.project.expect('up', '--yes', '--skip-preview', '--refresh')
    expect(await look()).toMatchObject({ found: expect.stringMatching(/^application \S+ has 1 other binding$/) })
  })
})

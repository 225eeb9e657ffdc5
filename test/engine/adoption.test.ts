/**
 * Objects that authentik holds and the state does not know: every command that the program prints adopts its object.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { splitWords } from '../../local/plugins/language/program.ts'
import { openProgramWorld, type ProgramWorld, PUSHED, type Resource } from './program-world.ts'

// Several runs of the engine each, on a machine that may be busy.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })

/**
 * What can be made depends on what was adopted before: keys, mappings, groups, then providers, applications, bindings.
 */
const MAX_ROUNDS = 10

let world: ProgramWorld
beforeAll(async () => {
  world = await openProgramWorld('2026.8.3')
})
afterAll(() => world[Symbol.asyncDispose]())

const isAuthentiks = ({ type }: { type: string }) => type.startsWith('authentik:index/')

/** One object of each kind: two of a kind would only take longer. */
const isOneOfItsKind = (resource: Resource) =>
  isAuthentiks(resource) && /::docker-registry(-trust|-github|-1)?$/.test(resource.urn)

/** Takes objects out of the state; those that depend on them must no longer name them. */
const lose = (isLost: (resource: Resource) => boolean) =>
  world.changeState((resources) =>
    resources
      .filter((resource) => !isLost(resource))
      .map((resource) => ({ ...resource, dependencies: [], propertyDependencies: {} })),
  )

/** The commands that an output tells a person to paste, as the words of a shell. */
const printedCommands = (output: string): string[][] => {
  const commands = [...output.matchAll(/^ *pulumi (import (?:.*\\\n)*.*)$/gm)].map(([, text = '']) =>
    splitWords(text.replaceAll('\\\n', ' ')),
  )
  return [...new Map(commands.map((words) => [words.join(' '), words])).values()]
}

describe('a state that has lost an object of each kind', () => {
  it('gets each back by the command that is printed, and then nothing changes', async () => {
    await world.project.expect('up', '--yes', '--skip-preview')
    const all = (await world.resources()).filter(isAuthentiks)
    const lost = all.filter(isOneOfItsKind)
    expect(lost.map(({ type }) => type).sort()).toEqual([...new Set(all.map(({ type }) => type))].sort())
    await lose(isOneOfItsKind)

    const adopted = new Set<string>()
    for (let round = 0; ; round++) {
      const { exitCode, output } = await world.project.run('up', '--yes', '--skip-preview', '--continue-on-error')
      if (exitCode === 0) break
      expect(round, output).toBeLessThan(MAX_ROUNDS)
      const commands = printedCommands(output)
      expect(commands, output).not.toEqual([])
      expect(output).toContain('OVERWRITES')
      for (const [command = '', type = '', name = '', ...rest] of commands) {
        expect(adopted).not.toContain(`${type} ${name}`)
        await world.project.expect(command, type, name, ...rest, '--yes', '--skip-preview')
        adopted.add(`${type} ${name}`)
      }
    }
    const names = lost.map(({ type, urn }) => `${type} ${urn.split('::').at(-1)}`)
    expect([...adopted].sort()).toEqual(names.sort())
    const urns = (resources: { urn: string; id?: string }[]) => resources.map(({ urn, id }) => `${urn} ${id}`).sort()
    expect(urns((await world.resources()).filter(isAuthentiks))).toEqual(urns(all))
    await world.project.expect('preview', '--expect-no-changes', '--diff')
    expect(await world.push()).toBe(PUSHED)
  })

  it('says what uses an object that it would overwrite', async () => {
    await lose(({ urn }) => urn.endsWith('::acl_docker_push'))
    const [group] = await world.list('core/groups/?name=acl_docker_push')
    const [application] = await world.list('core/applications/?slug=docker-registry')
    await world.api('POST', 'policies/bindings/', { group: group?.pk, target: application?.pk, order: 5 })
    const { output } = await world.project.run('up', '--yes', '--skip-preview')
    expect(output).toMatch(/already has "acl_docker_push" .*\n? *.*It is used by policybinding /)
  })
})

describe('a login source of the name of one of ours', () => {
  it('is not offered for adoption, and stays as it is', async () => {
    const path = 'sources/oauth/docker-registry-gitlab/'
    await lose(({ urn }) => urn.endsWith('::docker-registry-gitlab'))
    await world.changeSource('docker-registry-gitlab', { consumer_key: 'of-the-company', consumer_secret: 'x' })
    const before = await world.api('GET', path)
    const { exitCode, output } = await world.project.run('up', '--yes', '--skip-preview', '--continue-on-error')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('has a login source "docker-registry-gitlab"')
    expect(output).toContain('OVERWRITE')
    expect(output).not.toMatch(/pulumi import authentik:index\/sourceOauth/)
    expect(await world.api('GET', path)).toEqual(before)
  })
})

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FakeAuthentik, list, startFakeAuthentik } from '../infra/authentik/authentik-api.fixture.ts'
import { runAdopt } from './adopt-command.ts'
import type { ImportFile } from './import-file.ts'

const STACK = 'urn:pulumi:prod::p::pulumi:pulumi:Stack::p-prod'
const PARENT = 'urn:pulumi:prod::p::x:Groups::access'
const GROUP = 'urn:pulumi:prod::p::x:Groups$authentik:index/group:Group::acl_docker_push'

let fake: FakeAuthentik
beforeAll(async () => {
  fake = await startFakeAuthentik()
})
beforeEach(() => fake.reset())
afterAll(() => fake[Symbol.asyncDispose]())

const group = (more: object = {}) => ({
  op: 'create',
  urn: GROUP,
  newState: { parent: PARENT, inputs: { name: 'acl_docker_push', isSuperuser: false, attributes: '{}' } },
  ...more,
})
const parent = (op: string) => ({ op, urn: PARENT, newState: { parent: STACK, inputs: {} } })
const root = { op: 'create', urn: STACK, newState: {} }

/** A Pulumi that answers these previews, one after the other, and takes what it is given to import. */
async function run(args: readonly string[], previews: readonly object[], imports = 0) {
  const asked: string[] = []
  const files: ImportFile[] = []
  let printed = ''
  let turn = 0
  const exitCode = await runAdopt(args, {
    env: { AUTHENTIK_TOKEN: 'the-token' },
    print: (text) => {
      printed += text
    },
    pulumi: async (command) => {
      asked.push(command.join(' '))
      if (command[0] === 'config') {
        return { exitCode: 0, stdout: JSON.stringify({ 'authentik:url': { value: fake.url, secret: false } }) }
      }
      if (command[0] === 'import') {
        files.push(JSON.parse(await readFile(command[2] ?? '', 'utf8')))
        return { exitCode: imports, stdout: '' }
      }
      const answer = previews[turn++] ?? {}
      return { exitCode: 'diagnostics' in answer ? 255 : 0, stdout: JSON.stringify(answer) }
    },
  })
  return { exitCode, printed, asked, files }
}
const adoptable = () => {
  fake.answers['core/groups'] = list({ pk: 'b3f0', name: 'acl_docker_push', attributes: { a: 1 }, users: [1, 2] })
}

describe('npm run adopt', () => {
  it('asks for a stack, and knows its options', async () => {
    expect(await run([], [])).toMatchObject({ exitCode: 2, printed: expect.stringContaining('--stack is needed') })
    expect(await run(['--stock', 'x'], [])).toMatchObject({ exitCode: 2 })
    expect(await run(['--help'], [])).toMatchObject({ exitCode: 0, printed: expect.stringContaining('--yes') })
  })

  it('says why where the program does not run', async () => {
    const diagnostics = [{ severity: 'error', message: 'host: is not set\n' }]
    const { exitCode, printed } = await run(['--stack', 'prod'], [{ diagnostics }])
    expect(exitCode).toBe(2)
    expect(printed).toContain('host: is not set')
  })

  it('prints and takes nothing without --yes', async () => {
    adoptable()
    const { exitCode, printed, asked } = await run(['--stack', 'prod'], [{ steps: [root, parent('create'), group()] }])
    expect(exitCode).toBe(0)
    expect(printed).toContain('group acl_docker_push (b3f0)\n    overwritten: attributes\n    left: its 2 members stay')
    expect(printed).toContain('Nothing was changed.')
    expect(asked.some((command) => command.startsWith('import'))).toBe(false)
  })

  it('gives Pulumi the object with its component and its bridge, and no protection', async () => {
    adoptable()
    const after = { steps: [group({ op: 'update', detailedDiff: { 'attributes.a': {} } })] }
    const { exitCode, printed, asked, files } = await run(
      ['--stack', 'prod', '--yes'],
      [{ steps: [root, parent('create'), group()] }, after],
    )
    expect(exitCode, printed).toBe(0)
    expect(asked.find((command) => command.startsWith('import'))).toMatch(/--protect=false .*--stack prod$/)
    expect(files[0]).toEqual({
      nameTable: {},
      resources: [
        { name: PARENT, logicalName: 'access', type: 'x:Groups', component: true },
        expect.objectContaining({ name: GROUP, parent: PARENT, id: 'b3f0', parameterization: expect.anything() }),
      ],
    })
  })

  it.each([[[parent('update')]], [[]]])(
    'names a component that the stack knows already by its URN, after the steps %j',
    async (steps) => {
      adoptable()
      const { files } = await run(['--stack', 'prod', '--yes'], [{ steps: [...steps, group()] }, { steps: [] }])
      expect(files[0]?.nameTable).toEqual({ [PARENT]: PARENT })
      expect(files[0]?.resources).toHaveLength(1)
    },
  )

  it.each([
    [{ op: 'update', detailedDiff: { name: {} } }, 'group acl_docker_push: name'],
    [{ op: 'replace' }, 'group acl_docker_push: replace'],
  ])('says so where a preview shows more than was announced: %j', async (more, sentence) => {
    adoptable()
    const { exitCode, printed } = await run(
      ['--stack', 'prod', '--yes'],
      [{ steps: [group()] }, { steps: [group(more)] }],
    )
    expect(exitCode).toBe(1)
    expect(printed).toContain(sentence)
  })

  it('says how to go on where Pulumi stops half-way', async () => {
    adoptable()
    const { exitCode, printed } = await run(['--stack', 'prod', '--yes'], [{ steps: [group()] }], 1)
    expect(exitCode).toBe(2)
    expect(printed).toContain('run this command again for the rest')
  })

  it('believes no server that ignores what it is asked for', async () => {
    fake.answers['core/groups'] = list({ pk: '1', name: 'staff' }, { pk: '2', name: 'admins' })
    const { exitCode, printed } = await run(['--stack', 'prod'], [{ steps: [group()] }])
    expect(exitCode).toBe(0)
    expect(printed).toContain('Nothing to adopt')
  })
})

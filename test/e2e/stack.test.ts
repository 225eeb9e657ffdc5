/** Stack `local` on the running system, through the commands that a person types. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CoreV1Api } from '@kubernetes/client-node'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadKubeconfig } from '../../local/kubernetes/index.ts'
import { api, apiToken, authentikUrl } from './authentik.ts'
import { upWith } from './changed-stack.ts'
import { registry } from './job.ts'
import { npm, start } from './npm.ts'
import { stackEnvironment } from './stack-environment.ts'

let environment: Record<string, string>

beforeAll(async () => {
  environment = await stackEnvironment()
})

const pulumi = (...args: string[]) => start(['pulumi', ...args], environment).finished

describe('a second time', () => {
  it('npm run preview shows no changes', async () => {
    const preview = await npm('preview')
    expect(preview.output).toMatch(/\d+ unchanged/)
    expect(preview.code).toBe(0)
  })

  it('pulumi refresh finds everything as the state has it', async () => {
    const refresh = await pulumi('refresh', '--yes', '--expect-no-changes', '--suppress-progress')
    expect(refresh.output).toMatch(/\d+ unchanged/)
    expect(refresh.code).toBe(0)
  })
})

it('the state has no files of attributes beside it, which a killed engine would leave half-written', async () => {
  const backend = fileURLToPath(environment.PULUMI_BACKEND_URL ?? '')
  const files = await readdir(join(backend, '.pulumi'), { recursive: true })
  expect(files).toContain(join('stacks', 'passwordless-registry', 'local.json'))
  expect(files.filter((file) => file.endsWith('.attrs'))).toEqual([])
})

describe('npm run status', () => {
  it('prints no URL that does not answer', async () => {
    const { stdout } = await npm('status')
    const { kubernetes: _, ...json } = JSON.parse((await npm('status', '--json')).stdout)
    const urls = new Set(`${stdout} ${JSON.stringify(json)}`.match(/https?:\/\/[^\s",)]+/g))
    expect(urls.size).toBeGreaterThan(4)
    const answers = await Promise.all(
      [...urls].map(async (url) => [url, (await fetch(url, { redirect: 'manual' })).status] as const),
    )
    // 401: the registry and the token service want to know who asks.
    expect(answers.filter(([, status]) => status !== 200 && status !== 401 && status !== 302)).toEqual([])
  })
})

describe('the outputs', () => {
  it('are what CI needs, in plain, and none is secret', async () => {
    const outputs = JSON.parse((await pulumi('stack', 'output', '--json')).stdout)
    expect(outputs).toMatchObject({
      registry,
      tokenUrl: `http://${registry}/token`,
      issuer: 'http://authentik.outside-world.svc.cluster.local:9000/',
      clientId: 'docker-registry',
      audience: registry,
      pushGroup: 'acl_docker_push',
      trust: [
        expect.stringMatching(/^push to \{repository\}.*: GitHub repositories of owner /),
        expect.stringMatching(/^push to \{project_path\}.*: GitLab projects /),
        expect.stringMatching(/^push to releases\/app, delete in releases\/app: GitHub repositories .*with id 1001/),
        expect.stringMatching(/^delete in \{repository\}\/\*\*: GitHub repositories .*with id 3712145870/),
        'pull acme/**: service accounts of namespace demo',
      ],
    })
    expect(outputs.certificate).toMatch(/^-----BEGIN CERTIFICATE-----/)
    expect(JSON.stringify(outputs)).not.toContain('[secret]')
    expect(JSON.stringify(outputs)).not.toContain('PRIVATE KEY')
    const { keys } = JSON.parse(outputs.jwks)
    expect(keys).toMatchObject(Array(2).fill({ kty: 'EC', alg: 'ES256' }))
    for (const key of keys) expect(key).not.toHaveProperty('d')
  })

  it('hold the keys that authentik really signs with', async () => {
    const { keys } = JSON.parse((await pulumi('stack', 'output', 'jwks')).stdout)
    for (const [index, application] of ['docker-registry', 'ci-session'].entries()) {
      const answer = await fetch(`${authentikUrl}/application/o/${application}/jwks/`)
      const current = ((await answer.json()) as { keys: Record<string, string>[] }).keys[0]
      expect(keys[index]).toMatchObject({ kid: current?.kid, x: current?.x, y: current?.y })
    }
  })

  it('hold a GitLab job that parses and names an audience', async () => {
    const { stdout } = await pulumi('stack', 'output', 'gitlabCi')
    expect(JSON.stringify(parse(stdout))).toContain(`"aud":"${registry}"`)
  })

  it('hold no secret of the state in clear', async () => {
    const { stdout } = await pulumi('stack', 'export')
    expect(stdout).not.toContain('PRIVATE KEY')
    expect(stdout).not.toContain(await apiToken())
    expect(stdout).toContain('"ciphertext"')
  })
})

describe('taken away and made again', () => {
  const destroy = () => pulumi('destroy', '--yes', '--suppress-progress')

  it('not before the stack says deleteImages: until then it stays whole', async () => {
    const { code, output } = await destroy()
    expect(code).not.toBe(0)
    expect(output).toContain('images (to delete: pulumi config set deleteImages true, then pulumi up)')
    expect((await npm('preview')).code).toBe(0)
  })

  it('leaves nothing in the cluster and in authentik, and comes back whole', async () => {
    const up = await upWith((config) =>
      config.replace(/^config:$/m, 'config:\n  passwordless-registry:deleteImages: true'),
    )
    expect(up.code, up.output).toBe(0)
    expect((await destroy()).code).toBe(0)
    const namespaces = await loadKubeconfig(environment.KUBECONFIG ?? '')
      .makeApiClient(CoreV1Api)
      .listNamespace()
    expect(namespaces.items.map(({ metadata }) => metadata?.name)).not.toContain('passwordless-registry')
    expect(await authentikHolds()).toEqual([])
    expect((await npm('up')).code).toBe(0)
    const trusted = ['docker-registry', 'ci-session', 'docker-registry-trust']
    expect(await authentikHolds()).toEqual(expect.arrayContaining(trusted))
  })
})

describe('an engine that is killed after authentik made an object, before the state knew', () => {
  it('is carried on by the next npm run up, which adopts the object', async () => {
    // `pulumi stack import` would drop what is under way, so the file itself is made as a killed engine leaves it.
    const backend = fileURLToPath(environment.PULUMI_BACKEND_URL ?? '')
    const file = join(backend, '.pulumi', 'stacks', 'passwordless-registry', 'local.json')
    const state = JSON.parse(await readFile(file, 'utf8'))
    const { latest } = state.checkpoint as { latest: { resources: { urn: string; id?: string }[] } }
    const lost = latest.resources.find(({ urn }) => urn.endsWith('::acl_docker_pull'))
    expect(lost?.id).toBeDefined()
    state.checkpoint.latest = {
      ...latest,
      resources: latest.resources.filter((resource) => resource !== lost),
      pending_operations: [{ type: 'creating', resource: { ...lost, id: undefined, outputs: {} } }],
    }
    await writeFile(file, JSON.stringify(state))

    const up = await npm('up')
    expect(up.output).toContain('was interrupted while it made acl_docker_pull')
    expect(up.code, up.output).toBe(0)
    expect((await pulumi('stack', 'export')).stdout).toContain(lost?.id)
    expect((await npm('preview')).code).toBe(0)
  })
})

/** Names of all that the stack makes in authentik. */
async function authentikHolds(): Promise<string[]> {
  const kinds = ['core/applications', 'core/groups', 'crypto/certificatekeypairs', 'propertymappings/provider/scope']
  const more = ['providers/oauth2', 'sources/oauth', 'policies/expression']
  type Named = { name: string; slug?: string; managed?: string }
  const lists = [...kinds, ...more].map(async (kind) => {
    return (await api<{ results: Named[] }>('GET', `${kind}/?page_size=500`)).results
  })
  return (await Promise.all(lists))
    .flat()
    .filter(({ name, managed }) => !managed && !name.startsWith('authentik'))
    .map(({ name, slug }) => slug ?? name)
}

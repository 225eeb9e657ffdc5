/** The language host and the plugins `tls` and `terraform-provider` (authentik) under the real engine. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAuthentik } from '../../local/authentik/server.ts'
import type { Listening } from '../../local/issuers/listen.ts'
import { ensurePython } from '../../local/toolchain/python.ts'
import { authentikVersion } from './authentik-version.ts'
import { openProject, type PulumiProject } from './pulumi-project.ts'

const API_TOKEN = 'plugins-test-api-token'

const HEADER = `
import * as authentik from '@pulumi/authentik'
import * as pulumi from '@pulumi/pulumi'
import * as tls from '@pulumi/tls'
const config = new pulumi.Config()
`

/** A program that makes one object of each kind, with the flows of these ids. */
const program = (authorization: string, invalidation: string) => `${HEADER}
const key = new tls.PrivateKey('key', { algorithm: 'ECDSA', ecdsaCurve: 'P256' })
const certificate = new tls.SelfSignedCert('certificate', {
  privateKeyPem: key.privateKeyPem,
  subject: { commonName: 'small' },
  validityPeriodHours: 48,
  allowedUses: ['digital_signature'],
})
const pair = new authentik.CertificateKeyPair('pair', {
  name: 'small',
  certificateData: certificate.certPem,
  keyData: key.privateKeyPem,
})
const mapping = new authentik.PropertyMappingProviderScope('mapping', {
  name: 'small',
  scopeName: 'small',
  expression: 'return {}',
})
const provider = new authentik.ProviderOauth2('provider', {
  name: 'small',
  clientId: 'small',
  authorizationFlow: '${authorization}',
  invalidationFlow: '${invalidation}',
  signingKey: pair.id,
  propertyMappings: [mapping.id],
})
const application = new authentik.Application('application', {
  name: config.get('applicationName') ?? 'Small',
  slug: 'small',
  protocolProvider: provider.id.apply(Number),
})
const group = new authentik.Group('pushers', { name: 'small_pushers', attributes: JSON.stringify({ b: 1, a: [2] }) })
new authentik.User('user', { username: 'small-user', name: 'User', groups: [group.id], attributes: '{}' })
export const certPem = certificate.certPem
export const keyPem = key.privateKeyPem
export const clientSecret = provider.clientSecret
export const uuid = application.uuid
export const fromConfig = config.getSecret('hidden')
`

let data: string
let server: Listening
let project: PulumiProject

const api = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.url}/api/v3${path}`, { ...init, headers: { authorization: `Bearer ${API_TOKEN}` } })

async function flowId(slug: string): Promise<string> {
  return ((await (await api(`/flows/instances/${slug}/`)).json()) as { pk: string }).pk
}

async function groupIds(): Promise<string[]> {
  const { results } = (await (await api('/core/groups/?name=small_pushers')).json()) as { results: { pk: string }[] }
  return results.map(({ pk }) => pk)
}

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'plugins-test-'))
  server = await startAuthentik({
    dataDir: data,
    bootstrapToken: API_TOKEN,
    python: await ensurePython(),
    version: authentikVersion,
    log: pino({ level: 'silent' }),
  })
  project = await openProject({ AUTHENTIK_URL: server.url, AUTHENTIK_TOKEN: API_TOKEN })
  await project.write(
    program(
      await flowId('default-provider-authorization-implicit-consent'),
      await flowId('default-provider-invalidation-flow'),
    ),
  )
})

afterAll(async () => {
  await project?.close()
  await server?.close()
  if (data) await rm(data, { recursive: true })
})

/** Runs the import command that an error names, as it stands there; answers the id in it. */
async function adopt(output: string, kind: string): Promise<string | undefined> {
  const command = new RegExp(`pulumi (import authentik:index/${kind} .+)`).exec(output)?.[1]?.split(' ') ?? []
  await project.expect(...command, '--yes', '--skip-preview', '--protect=false', '--generate-code=false')
  return command[3]
}

describe('the life of a stack', () => {
  test('up makes everything, without a warning', async () => {
    await project.expect('config', 'set', '--secret', 'hidden', 'only-for-your-eyes')
    const output = await project.expect('up', '--yes')
    expect(output).not.toContain('warning')
    expect(output).toMatch(/\+ 9 created/)
    const { certPem, uuid } = await project.outputs()
    expect(new X509Certificate(String(certPem)).subject).toBe('CN=small')
    expect(uuid).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('secrets are secret on the screen and in the state', async () => {
    const shown = await project.outputs()
    expect([shown.keyPem, shown.clientSecret, shown.fromConfig]).toEqual(['[secret]', '[secret]', '[secret]'])
    const plain = JSON.parse(await project.expect('stack', 'output', '--json', '--show-secrets')) as typeof shown
    expect(createPrivateKey(String(plain.keyPem)).asymmetricKeyType).toBe('ec')
    expect(plain.fromConfig).toBe('only-for-your-eyes')
    const state = await project.state()
    expect(state).not.toContain('PRIVATE KEY')
    expect(state).not.toContain(String(plain.clientSecret))
    expect(state).not.toContain(API_TOKEN)
  })

  test('nothing changes a second time, nor by a refresh', async () => {
    await project.expect('preview', '--expect-no-changes')
    await project.expect('refresh', '--yes', '--expect-no-changes')
    await project.expect('preview', '--expect-no-changes')
  })

  test('a changed property is updated in place', async () => {
    const before = await project.outputs()
    await project.expect('config', 'set', 'applicationName', 'Small, renamed')
    expect(await project.expect('up', '--yes')).toMatch(/~ 1 updated/)
    expect((await project.outputs()).uuid).toBe(before.uuid)
    const application = (await (await api('/core/applications/small/')).json()) as { name: string }
    expect(application.name).toBe('Small, renamed')
  })

  test('what was deleted by hand comes back', async () => {
    const [id] = await groupIds()
    await api(`/core/groups/${id}/`, { method: 'DELETE' })
    expect(await project.expect('refresh', '--yes')).toMatch(/- 1 deleted/)
    await project.expect('up', '--yes', '--skip-preview')
    expect(await groupIds()).toHaveLength(1)
  })

  test('an object that the state has lost: the error names the command that adopts it, and it does', async () => {
    const [id] = await groupIds()
    const state = JSON.parse(await project.state()) as { checkpoint: { latest: { resources: { urn: string }[] } } }
    const urn = state.checkpoint.latest.resources.find((resource) => resource.urn.endsWith('::pushers'))?.urn
    await project.expect('state', 'delete', String(urn), '--yes', '--target-dependents')
    const { exitCode, output } = await project.run('up', '--yes', '--skip-preview')
    expect(exitCode).not.toBe(0)
    expect(await adopt(output, 'group:Group')).toBe(id)
    await adopt((await project.run('up', '--yes', '--skip-preview')).output, 'user:User')
    await project.expect('up', '--yes', '--skip-preview')
    await project.expect('preview', '--expect-no-changes')
    expect(await groupIds()).toEqual([id])
  })

  test('destroy leaves nothing behind', async () => {
    await project.expect('destroy', '--yes')
    expect(await groupIds()).toEqual([])
    expect((await api('/core/applications/small/')).status).toBe(404)
  })
})

describe('mistakes', () => {
  test('a program that throws: its own error, and a failed update', async () => {
    await project.write(`${HEADER}\nthrow new Error('the program says no')`)
    const { exitCode, output } = await project.run('preview')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('the program says no')
  })

  test('an API token that authentik refuses: where it is set', async () => {
    await project.write(`${HEADER}\nnew authentik.Group('g', { name: 'g' })`)
    await project.expect('config', 'set', '--secret', 'authentik:token', 'wrong-token')
    const { exitCode, output } = await project.run('up', '--yes', '--skip-preview')
    await project.expect('config', 'rm', 'authentik:token')
    expect(exitCode).not.toBe(0)
    expect(output).toMatch(/refused the API token.*pulumi config set --secret authentik:token/)
    expect(output).not.toContain('wrong-token')
  })

  test('an authentik that does not answer: at which URL', async () => {
    await project.expect('config', 'set', 'authentik:url', 'http://127.0.0.1:1')
    const { exitCode, output } = await project.run('up', '--yes', '--skip-preview')
    await project.expect('config', 'rm', 'authentik:url')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('authentik does not answer at http://127.0.0.1:1')
  })
})

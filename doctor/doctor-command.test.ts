import type { IncomingMessage, RequestListener } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bindings, type FakeRegistry, fakeRegistry } from '../prober/registry.fixture.ts'
import { restingMetrics } from '../service/operations/metrics.fixture.ts'
import { answerJson } from '../test/fake-upstream.ts'
import { unsignedToken } from '../test/unsigned-token.ts'
import { rulesDigest } from '../trust/decision/rules-digest.ts'
import { stackPolicy } from '../trust/language/stack-policy.ts'
import { type DoctorWorld, runDoctor } from './doctor-command.ts'

const project = 'config:\n  sessionHours: { type: integer, default: 6 }\n'
const token = unsignedToken({ repository: 'Acme/App' })
let at: FakeRegistry
let stack: string
beforeEach(async () => {
  at = await fakeRegistry()
  stack = `config:
  authentik:url: http://${at.host}
  passwordless-registry:host: ${at.host}
  passwordless-registry:sources: [{ slug: github, platform: github, jwksUrl: "http://${at.host}/keys" }]
  passwordless-registry:trust: [{ github: { owners: [{ name: acme, id: "501" }] } }]
`
  at.answers.set(
    'GET /api/v3/core/groups/',
    answerJson(200, { results: [{ attributes: stackPolicy(project, stack).policy?.document }] }),
  )
})
afterEach(() => at[Symbol.asyncDispose]())

const doctor = async (args: string[], more: Partial<DoctorWorld> = {}) => {
  const files: Record<string, string> = { 'Pulumi.yaml': project, 'stacks/Pulumi.prod.yaml': stack }
  const result = await runDoctor(args, {
    readFile: (path) => {
      if (files[path] === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' })
      return files[path]
    },
    readStandardInput: () => `${token}\n`,
    env: { AUTHENTIK_TOKEN: 'api-token' },
    kubectl: () => Promise.reject(new Error('not asked for')),
    ...more,
  })
  expect(result.text).not.toContain(token)
  expect(result.text).not.toContain('api-token')
  return result
}
interface Report {
  ok: boolean
  findings: { check: string; state: string; found: string; why?: string; fix?: string }[]
}
const reportOf = async (args: string[]): Promise<Report> => JSON.parse((await doctor([...args, '--json'])).text)
const find = ({ findings }: Report, check: string) => findings.find((finding) => finding.check === check)
const probe = ['--stack', 'prod', '--token', '-', '--upload-seconds', '0']

test('a registry that is well: every line says ok, and the exit status is 0', async () => {
  const { exitCode, text } = await doctor(probe)
  expect(text).not.toContain('WRONG')
  expect(exitCode).toBe(0)
  const checks = [...text.matchAll(/^ok +([^:]+):/gm)].map(([, check]) => check)
  expect(checks).toEqual([
    ...['dns', 'registry', 'clock', 'token service', 'stranger', 'authentik', 'authentik clock', 'issuer'],
    ...['authentik version', 'rules', 'policy', 'source github', 'login', 'push', 'pull', 'revocation'],
  ])
})

test('a host alone is looked at without a stack', async () => {
  const report = await reportOf(['--host', at.host])
  expect(report.ok).toBe(true)
  expect(report.findings.map(({ check }) => check)).not.toContain('authentik')
})

test('without an API token it says what it did not look at', async () => {
  const { text, exitCode } = await doctor(['--stack', 'prod'], { env: {} })
  expect(exitCode).toBe(0)
  expect(text).toMatch(/^skipped {2}rules: .*set AUTHENTIK_TOKEN/m)
  expect(text).toMatch(/^skipped {2}policy: .*set AUTHENTIK_TOKEN/m)
})

test('without a CI token, and without kubectl, the same', async () => {
  const { text } = await doctor(['--stack', 'prod'])
  expect(text).toMatch(/^skipped {2}push: .*storage.*--token FILE/m)
  expect(text).toMatch(/^skipped {2}pods: .*--cluster/m)
  expect((await doctor(['--host', at.host])).text).toMatch(/^skipped {2}push: /m)
})

/** What authentik may have in place of ours. */
const wrongPolicies: [question: string, results: object[]][] = [
  ['policies/expression', []],
  ['policies/expression', [{ pk: 'policy', name: 'docker-registry-trust', expression: 'return True' }]],
  ['propertymappings/provider/scope', [{ name: 'docker-registry', expression: 'return {}' }]],
  ['core/applications', [{ pk: 'of docker-registry', slug: 'docker-registry' }]],
  ['policies/bindings', []],
  ['policies/bindings', bindings({ enabled: false })],
  ['policies/bindings', bindings({ negate: true })],
  ['policies/bindings', bindings({ failure_result: true })],
  ['policies/bindings', bindings({ policy: 'another' })],
  ['policies/bindings', [...bindings(), { target: 'of ci-session', policy: null, group: 'everyone', enabled: true }]],
]

type Wrong = [check: string, question: string, answer: RequestListener, why: string]

describe('finds', () => {
  test.each<Wrong>([
    ['registry', 'GET /v2/', answerJson(200, {}), 'this is not a registry'],
    ['token service', 'GET /token', answerJson(404, {}), 'no client gets a token'],
    ['stranger', 'GET /token', answerJson(200, { token: 'x' }), 'EVERYONE MAY GET IN'],
    ['authentik', 'GET /-/health/ready/', answerJson(503, {}), 'no token'],
    [
      'issuer',
      'GET /application/o/docker-registry/.well-known',
      answerJson(200, { issuer: 'http://x/' }),
      'exactly its own issuer',
    ],
    [
      'authentik version',
      'GET /api/v3/admin/version/',
      answerJson(200, { version_current: '2025.2.0' }),
      'does not work',
    ],
    ['rules', 'GET /api/v3/core/groups/', answerJson(200, { results: [{ attributes: {} }] }), 'other rules'],
    [
      'source github',
      'GET /api/v3/sources/oauth/',
      answerJson(200, { results: [{ oidc_jwks: { keys: [{ kid: '1' }] } }] }),
      'refused',
    ],
    ['source github', 'GET /keys', answerJson(200, { keys: [] }), 'verified'],
    ...wrongPolicies.map(
      ([question, results]): Wrong => [
        'policy',
        `GET /api/v3/${question}/`,
        answerJson(200, { results }),
        'no rule names',
      ],
    ),
    [
      'authentik clock',
      'GET /-/health/ready/',
      (_, response) => response.writeHead(204, { date: new Date(Date.now() - 90_000).toUTCString() }).end(),
      'expired',
    ],
    ['login', 'POST /token', answerJson(401, { errors: [{ message: 'no rule matches' }] }), 'cannot push'],
    ['push', 'PUT /v2/acme/app/blobs', answerJson(413, {}), 'cannot push'],
    ['pull', 'GET /v2/acme/app/manifests', answerJson(200, {}), 'something else'],
    ['revocation', 'POST /revoke', answerJson(404, {}), 'sessions stay valid'],
    ['revocation', 'POST /revoke', answerJson(503, {}), 'sessions stay valid'],
  ])('what is wrong with %s (%s)', async (check, question, answer, why) => {
    at.answers.set(question, answer)
    const finding = find(await reportOf(probe), check)
    expect(finding).toMatchObject({
      state: 'wrong',
      why: expect.stringContaining(why),
      fix: expect.stringMatching(/.{5}/),
    })
    const { exitCode, text } = await doctor(probe)
    expect(exitCode).toBe(1)
    expect(text).toMatch(new RegExp(`^WRONG +${check}: .*\n +why it matters: .*\n +what to do: `, 'm'))
  })

  const ec = (x: string) => ({ kid: '1', kty: 'EC', crv: 'P-256', x, y: 'y' })
  const gives = (published: object, ...held: object[]) => {
    at.answers.set('GET /keys', answerJson(200, { keys: [published] }))
    at.answers.set('GET /api/v3/sources/oauth/', ({ url }, response) => {
      const keys = url?.includes('docker-registry-other') ? held[1] : held[0]
      answerJson(200, { results: [{ oidc_jwks: { keys: [keys] } }] })({} as IncomingMessage, response)
    })
  }

  test('that authentik has another key under the id that the issuer uses', async () => {
    gives(ec('new'), ec('old'))
    expect(find(await reportOf(probe), 'source github')?.found).toBe('authentik has another key under the id 1')
    gives(ec('new='), ec('new'))
    expect(find(await reportOf(probe), 'source github')?.state).toBe('ok')
  })

  test('that two sources have different keys under one id', async () => {
    const other = `{ slug: other, platform: oidc, issuer: "https://other.example.com", jwksUrl: "http://${at.host}/keys" }`
    stack = stack.replace('/keys" }]', `/keys" }, ${other}]`)
    gives(ec('one'), ec('one'), ec('two'))
    const report = await reportOf(probe)
    for (const check of ['source github', 'source other']) {
      expect(find(report, check)?.found).toBe('github and other have different keys under the id 1')
    }
    gives(ec('one'), ec('one'), ec('one'))
    expect(find(await reportOf(probe), 'source other')?.state).toBe('ok')
  })

  test('a realm that leads elsewhere', async () => {
    at.answers.set('GET /v2/', (_, response) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${at.host}/elsewhere",service="x"` }).end(),
    )
    expect(find(await reportOf(['--host', at.host]), 'registry')).toMatchObject({ state: 'wrong' })
  })

  test('that nothing answers', async () => {
    await at[Symbol.asyncDispose]()
    const report = await reportOf(['--stack', 'prod'])
    expect(find(report, 'registry')?.found).toMatch(/no answer .*ECONNREFUSED/)
    expect(find(report, 'authentik')).toMatchObject({ state: 'wrong' })
  })
})

describe('a question that is wrong', () => {
  test.each([
    ['nothing to look at', [], /--stack or --host is needed/],
    ['a host with a scheme', ['--host', 'https://registry.example.com'], /is not a registry's public name/],
    ['a missing stack', ['--stack', 'gone'], /cannot read stacks\/Pulumi\.gone\.yaml \(ENOENT\)/],
    ['a stack outside', ['--stack', '../x'], /is not the name of a stack/],
    [
      'a token in place of a file',
      ['--host', 'localhost', '--token', token.padEnd(120, 'x')],
      /cannot read a file of that name/,
    ],
    ['no time', ['--host', 'localhost', '--upload-seconds', 'x'], /--upload-seconds takes a number/],
    ['an unknown option', ['--hst', 'x'], /unknown argument/],
  ])('%s', async (_, args, message) => {
    const { exitCode, text } = await doctor(args)
    expect(exitCode).toBe(2)
    expect(text).toMatch(message)
  })
})

describe('with --cluster', () => {
  const own = () => stackPolicy(project, stack).policy?.document.sources ?? []
  const page = (gauges: Parameters<typeof restingMetrics>[0] = {}) =>
    restingMetrics({
      ruleDigests: () => own().map((source) => [source.slug, rulesDigest(source)] as const),
      ...gauges,
    }).page()
  const look = async (metrics: () => Promise<string>) => {
    const asked: string[] = []
    const { text } = await doctor(['--stack', 'prod', '--cluster', '--json'], {
      kubectl: async (args) => {
        asked.push(args.join(' '))
        return args.includes('exec') ? metrics() : 'pod/token-service-1\n'
      },
    })
    return { asked, find: (check: string) => find(JSON.parse(text), check) }
  }

  test('each pod is asked for its version, rules and keys', async () => {
    const { asked, find } = await look(() => page())
    for (const what of ['version', 'rules', 'keys']) {
      expect(find(`${what} of pod/token-service-1`)).toMatchObject({ state: 'ok' })
    }
    expect(asked[0]).toMatch(/^--namespace passwordless-registry get pods/)
  })

  test.each([
    ['rules', () => page({ ruleDigests: () => [['github', '0123456789abcdef']] }), 'differ from the stack'],
    [
      'rules',
      () => page({ ruleDigests: () => [...own().map((one) => [one.slug, rulesDigest(one)] as const), ['old', 'x']] }),
      'for old',
    ],
    ['keys', () => page({ registryKeysMatch: () => false }), 'does not have'],
    ['version', async () => (await page()).replace(/version="[^"]*"/g, 'version="0.0.1"'), '0.0.1'],
    ['version', async () => 'token_service_ready 1', 'older than the metric'],
    ['metrics', () => Promise.reject(new Error('forbidden')), 'forbidden'],
  ])('it says what is wrong with the %s', async (what, metrics, found) => {
    const finding = (await look(metrics)).find(`${what} of pod/token-service-1`)
    expect(finding).toMatchObject({ state: 'wrong', found: expect.stringContaining(found) })
  })

  test('each cluster whose pods pull is asked for its keys, by its context', async () => {
    const edge = '{ slug: edge, context: edge-admin, namespaces: [web] }'
    stack += `  kubernetes:context: prod-admin\n  passwordless-registry:clusterPulls: [shop, ${edge}]\n`
    const keys = { '--context prod-admin': '1', '--context edge-admin': '3' }
    const report = async (args: string[], kubectl: DoctorWorld['kubectl']) =>
      JSON.parse((await doctor(['--stack', 'prod', '--json', ...args], { kubectl })).text) as Report
    const found = await report(['--cluster'], async (args) => {
      const [, kid] =
        Object.entries(keys).find(([context]) => args.join(' ') === `${context} get --raw /openid/v1/jwks`) ?? []
      return kid === undefined ? '' : JSON.stringify({ keys: [{ kid }] })
    })
    expect(find(found, 'source cluster')).toMatchObject({ state: 'ok' })
    expect(find(found, 'source edge')).toMatchObject({ state: 'wrong', found: expect.stringContaining('the key 3') })
    const away = await report(['--cluster'], () => Promise.reject(new Error('no such context')))
    expect(find(away, 'source edge')?.found).toContain('no such context')
    const unasked = await report([], () => Promise.reject(new Error('not asked for')))
    expect(find(unasked, 'source edge')).toMatchObject({ state: 'skipped', fix: '--cluster asks it' })
  })

  test('it needs a stack, and says so where kubectl or the pods are missing', async () => {
    expect((await doctor(['--host', at.host, '--cluster'])).exitCode).toBe(2)
    expect((await doctor(['--stack', 'prod', '--cluster'])).text).toContain('kubectl fails (not asked for)')
    const { text } = await doctor(['--stack', 'prod', '--cluster'], { kubectl: async () => '' })
    expect(text).toContain('no pod of the token service runs')
  })
})

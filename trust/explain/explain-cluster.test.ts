/** What `npm run explain` says of a service account's token, whose issuer only the cluster knows. */
import { expect, test } from 'vitest'
import { type ExplainWorld, runExplain } from './explain-command.ts'

const NOW = 1_800_000_000
const ISSUER = 'https://kubernetes.default.svc'
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
/** As Kubernetes makes them. */
const tokenOf = (sub: string, more: object = {}) => {
  const claims = { iss: ISSUER, aud: ['localhost:15000'], sub, iat: NOW, nbf: NOW, exp: NOW + 3600, jti: 'a', ...more }
  return `${part({ alg: 'RS256', kid: '1' })}.${part({ ...claims, 'kubernetes.io': { namespace: 'shop' } })}.c2lnbmF0dXJl`
}

const stackOf = (clusterPulls: string) => `config:
  passwordless-registry:host: localhost:15000
  passwordless-registry:clusterPulls: ${clusterPulls}
  passwordless-registry:trust:
    - github: { owners: [{ name: acme, id: "501" }] }
`
const project = 'config:\n  sources:\n    type: array\n    default: [{ slug: github, platform: github }]\n'

function explain(token: string, clusterPulls = '[shop]', ...args: string[]) {
  const files: Record<string, string> = { 'Pulumi.yaml': project, 'stacks/Pulumi.local.yaml': stackOf(clusterPulls) }
  const world: ExplainWorld = { readFile: (path) => files[path] ?? '', readStandardInput: () => token, now: () => NOW }
  return runExplain(['--token', '-', '--scope', 'repository:acme/app:pull', ...args], world)
}

test('an account of a namespace that pulls is granted it, and what was assumed is said', () => {
  const { text, exitCode } = explain(tokenOf('system:serviceaccount:shop:app'))
  expect(text).toContain('source   cluster (')
  expect(text).toContain(`assumed  issuer "${ISSUER}" is that of the cluster; \`pulumi preview\` asks the cluster. `)
  expect(text).toContain('Account and pod still exist; the token service asks its own cluster')
  expect(text).toContain('  pull: granted by rule 2')
  expect(exitCode).toBe(0)
})

test('an account of another namespace is refused, with the rule that it missed', () => {
  const { text, exitCode } = explain(tokenOf('system:serviceaccount:other:app'))
  expect(text).toContain(
    'nearest  rule 2: sub is "system:serviceaccount:other:app", wanted "system:serviceaccount:shop:*"',
  )
  expect(exitCode).toBe(1)
})

test('a token for the API server is refused for its audience', () => {
  const { text } = explain(tokenOf('system:serviceaccount:shop:app', { aud: [ISSUER] }))
  expect(text).toContain('refused  audience is')
})

test('of several clusters the one that is named is assumed', () => {
  const clusters = '[web, { slug: edge, context: edge, namespaces: [shop] }]'
  const token = tokenOf('system:serviceaccount:shop:app')
  expect(explain(token, clusters).text).toContain('source   cluster (')
  expect(explain(token, clusters).exitCode).toBe(1)
  expect(explain(token, clusters, '--source', 'edge').text).toContain('source   edge (')
  expect(explain(token, clusters, '--source', 'edge').exitCode).toBe(0)
})

test("a job's token is not taken for one of the cluster", () => {
  const { text } = explain(tokenOf('repo:acme/app:ref:refs/heads/main'))
  expect(text).toContain(`refused  issuer is "${ISSUER}", but this registry accepts only tokens from`)
  expect(text).not.toContain('assumed')
})

test('claims alone are explained the same way', () => {
  const files: Record<string, string> = {
    'Pulumi.yaml': project,
    'stacks/Pulumi.local.yaml': stackOf('[shop]'),
    claims: '{"sub": "system:serviceaccount:shop:app"}',
  }
  const world: ExplainWorld = { readFile: (path) => files[path] ?? '', readStandardInput: () => '', now: () => NOW }
  const args = ['--claims', 'claims', '--source', 'cluster', '--scope', 'repository:acme/app:pull']
  expect(runExplain(args, world).exitCode).toBe(0)
})

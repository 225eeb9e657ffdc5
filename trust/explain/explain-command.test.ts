import { describe, expect, test } from 'vitest'
import { githubClaims } from '../decision/policy.fixture.ts'
import { type ExplainWorld, runExplain } from './explain-command.ts'

const NOW = 1_800_000_000
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const tokenOf = (claims: object) =>
  `${part({ alg: 'RS256', kid: '1' })}.${part({ ...githubClaims, aud: 'localhost:15000', exp: NOW + 300, ...claims })}.c2lnbmF0dXJl`

const stack = `config:
  passwordless-registry:host: localhost:15000
  passwordless-registry:trust:
    - source: github
      claims: { repository_owner_id: "501", ref: ["refs/heads/main", "refs/tags/*"] }
      push: ["{repository}", "{repository}/**"]
      pull: ["{repository_owner}/**"]
`
const project = `config:
  sources:
    type: array
    default: [{ slug: github, platform: github }, { slug: gitlab, platform: gitlab }]
`

function world(files: Record<string, string> = {}, standardInput = ''): ExplainWorld {
  const all: Record<string, string> = { 'Pulumi.yaml': project, 'stacks/Pulumi.local.yaml': stack, ...files }
  return {
    readFile: (path) => {
      if (all[path] === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
      return all[path]
    },
    readStandardInput: () => standardInput,
    now: () => NOW,
  }
}

const scope = (text: string) => ['--scope', text]
const token = tokenOf({})

describe('explain', () => {
  test('says what a token gets and by which rule', () => {
    const { exitCode, text } = runExplain(
      ['--token', '-', ...scope('repository:acme/app:push,pull')],
      world({}, `${token}\n`),
    )
    expect(text).toBe(
      [
        'source   github (token of a CI job)',
        'checks   shape ok, issuer ok, audience ok, times ok, rules ok; authentik checks the signature',
        'rules    1 matches',
        'scope    "repository:acme/app:push,pull"',
        '  pull: granted by rule 1',
        '  push: granted by rule 1',
        'granted',
        '',
      ].join('\n'),
    )
    expect(exitCode).toBe(0)
  })
  test('names the nearest rule and the claim that missed', () => {
    const files = { job: tokenOf({ ref: 'refs/heads/dev' }) }
    const { exitCode, text } = runExplain(['--token', 'job', ...scope('repository:acme/app:push')], world(files))
    expect(exitCode).toBe(1)
    expect(text).toContain('refused  source "github" has no rule that matches\n')
    expect(text).toContain('nearest  rule 1: ref is "refs/heads/dev", wanted "refs/heads/main" or "refs/tags/*"\n')
    expect(text).toContain('\nNOT granted\n')
  })
  test('says when a source has no rules', () => {
    const files = { 'claims.json': '{"iss": "https://gitlab.com"}' }
    const { exitCode, text } = runExplain(['--claims', 'claims.json'], world(files))
    expect(exitCode).toBe(1)
    expect(text).toContain('refused  source "gitlab" has no rule\n')
    expect(text).not.toContain('nearest')
  })
  test('says what a matching rule does grant', () => {
    const { exitCode, text } = runExplain(['--token', '-', ...scope('repository:acme/other:push')], world({}, token))
    expect(exitCode).toBe(1)
    expect(text).toContain('  push: NOT granted; granted on "acme/app", "acme/app/**"\n')
  })
  test('says which check failed, and what was not looked at', () => {
    const { exitCode, text } = runExplain(['--token', '-'], world({}, tokenOf({ exp: NOW - 3600 })))
    expect(exitCode).toBe(1)
    expect(text).toContain('shape ok, issuer ok, audience ok, times FAILED, rules not checked')
    expect(text).toContain('expired 60 min ago')
  })
  test('says when a scope asks for nothing', () => {
    const { exitCode, text } = runExplain(['--token', '-', ...scope('repository:acme/app')], world({}, token))
    expect(exitCode).toBe(1)
    expect(text).toContain('asks for nothing known')
  })
  test('takes claims in place of a token, told by issuer or by source', () => {
    const { iss, ...nameless } = githubClaims
    const files = { 'claims.json': JSON.stringify(githubClaims), 'nameless.json': JSON.stringify(nameless) }
    expect(iss).not.toBe('')
    expect(runExplain(['--claims', 'claims.json', ...scope('repository:acme/x:pull')], world(files)).exitCode).toBe(0)
    expect(runExplain(['--claims', 'nameless.json', '--source', 'github'], world(files)).exitCode).toBe(0)
    expect(runExplain(['--claims', 'nameless.json'], world(files))).toMatchObject({
      exitCode: 2,
      text: expect.stringContaining('add --source with one of: github, gitlab'),
    })
  })
  test('prints JSON for machines', () => {
    const { text } = runExplain(
      ['--token', '-', '--json', ...scope('repository:acme/app:push,delete')],
      world({}, token),
    )
    expect(JSON.parse(text)).toEqual({
      granted: false,
      source: 'github',
      kind: 'ci',
      passed: ['shape', 'issuer', 'audience', 'times', 'rules'],
      rules: [1],
      scopes: [
        {
          scope: 'repository:acme/app:push,delete',
          granted: [{ action: 'push', rule: 1 }],
          denied: ['delete'],
          reachable: { delete: [] },
        },
      ],
    })
  })
  test('prints its help', () => {
    expect(runExplain(['--help'], world())).toMatchObject({ exitCode: 0, text: expect.stringContaining('--scope') })
  })
})

describe('a question that is wrong', () => {
  test.each([
    ['neither token nor claims', [], {}, /either --token or --claims/],
    ['both', ['--token', 'a', '--claims', 'b'], {}, /either --token or --claims/],
    ['an unknown option', ['--tokn', 'a'], {}, /unknown argument/],
    ['a missing file', ['--token', 'gone'], {}, /cannot read gone \(ENOENT\)/],
    ['a missing stack', ['--token', 'a', '--stack', 'prod'], {}, /cannot read stacks\/Pulumi\.prod\.yaml/],
    ['a stack outside', ['--token', 'a', '--stack', '../x'], {}, /is not the name of a stack/],
    ['claims that are none', ['--claims', 'c'], { c: '[]' }, /does not contain a JSON object/],
    ['an unknown source', ['--claims', 'c', '--source', 'x'], { c: '{}' }, /add --source/],
    [
      'rules with mistakes',
      ['--token', 'a'],
      { 'stacks/Pulumi.local.yaml': stack.replace('source: github', 'source: githib') },
      /rule 1, source: there is no source "githib"/,
    ],
    [
      'a stack without host',
      ['--token', 'a'],
      { 'stacks/Pulumi.local.yaml': 'config: {}\n' },
      /neither host nor audience/,
    ],
    [
      'a key twice',
      ['--token', 'a'],
      { 'stacks/Pulumi.local.yaml': `${stack}      push: ["a"]\n` },
      /a key appears twice at line 8/,
    ],
  ])('%s', (_, args, files, message) => {
    const { exitCode, text } = runExplain(args, world(files))
    expect(exitCode).toBe(2)
    expect(text).toMatch(message)
  })

  test.each([
    ['as an option of its own', [token]],
    ['in place of a file', ['--token', token]],
    ['as claims', ['--claims', token]],
    ['as a stack', ['--token', '-', '--stack', token]],
  ])('never prints a token given %s', (_, args) => {
    const { text } = runExplain(args, world())
    expect(text).not.toContain('c2lnbmF0dXJl')
    expect(text).not.toContain(token.split('.')[1])
  })
})

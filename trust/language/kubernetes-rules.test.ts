/** The short form `kubernetes`, from what a person writes to who pulls what. */
import { describe, expect, test } from 'vitest'
import { decide } from '../decision/decide.ts'
import { loadPolicy } from '../decision/policy.ts'
import { describeRules } from './describe.ts'
import { compileDocument, REGISTRY_APPLICATION, sessionNames } from './document.ts'
import { parseRules } from './rules.ts'
import { parseSources } from './sources.ts'

const { sources } = parseSources(
  [
    { slug: 'github', platform: 'github' },
    { slug: 'gitlab', platform: 'gitlab' },
    { slug: 'cluster', platform: 'oidc', issuer: 'https://kubernetes.default.svc' },
    { slug: 'edge', platform: 'oidc', issuer: 'https://edge.example.com' },
  ],
  'registry.example.com',
)
const acme = { github: { owners: [{ name: 'Acme', id: '501' }, 502] } }
const group = {
  gitlab: {
    namespaces: [
      { name: 'acme', id: '72' },
      { name: 'tools/base', id: '73' },
    ],
  },
}
const parse = (kubernetes: object, ...others: object[]) => parseRules([...others, { kubernetes }], sources)

/** What an account pulls of these names, by rules that are compiled as for authentik. */
function pulled(kubernetes: object, sub: string, names: string[], source = 'cluster'): string[] {
  const documentNames = { application: REGISTRY_APPLICATION, groups: { push: 'a', pull: 'b' }, session: sessionNames }
  const { rules, findings } = parse(kubernetes, acme)
  expect(findings).toEqual([])
  const policy = loadPolicy(JSON.parse(JSON.stringify(compileDocument(sources, rules, documentNames))))
  if (policy === undefined) throw new Error('the compiled rules are not understood')
  const { scopes } = decide(
    policy,
    source,
    { sub },
    names.map((name) => `repository:${name}:pull,push,delete`),
  )
  return scopes.flatMap(({ granted, name }) => granted.map(({ action }) => `${action} ${name}`))
}

describe('pods', () => {
  const app = 'system:serviceaccount:shop:app'

  test('pull what the owners in the short forms push, and push nothing', () => {
    expect(pulled({ namespaces: ['shop'] }, app, ['acme/app', 'acme/a/b', 'other/app', 'acme'])).toEqual([
      'pull acme/app',
      'pull acme/a/b',
    ])
  })

  test('pull what their rule names instead', () => {
    expect(pulled({ namespaces: 'shop', pull: 'base/*' }, app, ['acme/app', 'base/node'])).toEqual(['pull base/node'])
  })

  test.each([
    [{ namespaces: ['shop'] }, app, true],
    [{ namespaces: ['shop'] }, 'system:serviceaccount:shop-evil:app', false],
    [{ namespaces: ['shop'] }, 'system:serviceaccount:other:shop', false],
    [{ namespaces: ['shop'] }, 'system:node:shop', false],
    [{ namespaces: ['team-*'] }, 'system:serviceaccount:team-a:app', true],
    [{ namespaces: ['team-*'] }, 'system:serviceaccount:teammate:app', false],
    [{ namespaces: ['team-*'] }, 'system:serviceaccount:x:team-a', false],
    [{ namespaces: ['shop'], serviceAccounts: ['app', 'web'] }, app, true],
    [{ namespaces: ['shop'], serviceAccounts: ['app'] }, 'system:serviceaccount:shop:application', false],
    [{ namespaces: ['shop'], serviceAccounts: ['app'] }, 'system:serviceaccount:shop:default', false],
  ])('%j and %s: %s', (form, sub, mayPull) => {
    expect(pulled(form, sub, ['acme/app'])).toEqual(mayPull ? ['pull acme/app'] : [])
  })

  test('of another cluster are of its source alone', () => {
    const form = { namespaces: ['shop'], source: 'edge' }
    expect(pulled(form, app, ['acme/app'], 'edge')).toEqual(['pull acme/app'])
    expect(pulled(form, app, ['acme/app'], 'cluster')).toEqual([])
  })
})

test('a preview says it in words', () => {
  const { rules } = parseRules(
    [
      acme,
      group,
      { kubernetes: { namespaces: ['shop', 'team-*'] } },
      { kubernetes: { namespaces: 'shop', serviceAccounts: ['app', 'web'], pull: ['a', 'b'], source: 'edge' } },
      { source: 'cluster', claims: { sub: ['system:serviceaccount:a:x', 'system:serviceaccount:b:*'] }, pull: 'c' },
      { source: 'cluster', claims: { sub: 'system:serviceaccount:a:x', jti: '1' }, pull: 'c' },
    ],
    sources,
  )
  expect(describeRules(rules, sources).slice(4)).toEqual([
    'pull acme/** and tools/base/**: service accounts of namespace shop',
    'pull acme/** and tools/base/**: service accounts of namespaces team-*',
    'pull a and b: service account app or web of namespace shop at edge',
    'pull c: service account x of namespace a or service accounts of namespace b',
    'pull c: jobs at cluster with sub system:serviceaccount:a:x with jti 1',
  ])
})

describe('a mistake', () => {
  test.each([
    ['*', /neither the name of a namespace/],
    ['team*', /neither the name of a namespace/],
    ['**', /neither the name of a namespace/],
    ['*-team', /neither the name of a namespace/],
    ['a:b', /neither the name of a namespace/],
    ['Shop', /neither the name of a namespace/],
    ['', /neither the name of a namespace/],
    ['a'.repeat(64), /longer than 63/],
    [7, /is not text/],
  ])('in a namespace: %j', (namespace, wrong) => {
    const { rules, findings } = parse({ namespaces: [namespace], pull: 'a' })
    expect(rules).toEqual([])
    expect(findings).toEqual([
      expect.objectContaining({
        severity: 'error',
        field: 'kubernetes.namespaces.0',
        wrong: expect.stringMatching(wrong),
      }),
    ])
  })

  test.each(['*', 'app*', 'a:b', 'App'])('in a service account: %j', (account) => {
    expect(parse({ namespaces: ['shop'], serviceAccounts: [account], pull: 'a' }).findings).toEqual([
      expect.objectContaining({ severity: 'error', field: 'kubernetes.serviceAccounts.0' }),
    ])
  })

  test('is that it does not follow what pods pull', () => {
    const { findings } = parse({ namespaces: ['shop'] }, { github: { owners: [501] } })
    expect(findings).toEqual([
      expect.objectContaining({ severity: 'error', code: 'pull-missing', rule: 2, field: 'kubernetes.pull' }),
    ])
  })

  test('in the name of a field is found', () => {
    expect(parse({ namespaces: ['shop'], serviceaccounts: ['app'] }).findings).toEqual([
      expect.objectContaining({ wrong: expect.stringContaining('did you mean "serviceAccounts"') }),
    ])
  })

  test('is a source that does not exist', () => {
    expect(parse({ namespaces: ['shop'], pull: 'a', source: 'egde' }).findings).toEqual([
      expect.objectContaining({ code: 'source-unknown', example: 'source: edge' }),
    ])
  })
})

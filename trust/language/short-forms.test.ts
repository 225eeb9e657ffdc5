import { describe, expect, test } from 'vitest'
import { good, parse } from './rules.fixture.ts'

describe('the short form', () => {
  test('of GitHub: one rule for each owner, branches and tags only, and nothing that a fork can start', () => {
    const { rules, findings } = parse({ github: { owners: [{ name: 'acme', id: '501' }, 502] } })
    expect(findings).toEqual([])
    const common = { number: 1, push: ['{repository}', '{repository}/**'], pull: ['{repository_owner}/**'] }
    const own = [
      ['ref', ['refs/heads/**', 'refs/tags/**']],
      ['event_name', ['create', 'push', 'release', 'repository_dispatch', 'schedule', 'workflow_dispatch']],
    ]
    expect(rules).toEqual([
      expect.objectContaining({
        ...common,
        claims: [['repository_owner_id', ['501']], ['repository_owner', ['acme']], ...own],
      }),
      expect.objectContaining({ ...common, claims: [['repository_owner_id', ['502']], ...own] }),
    ])
  })
  test('of GitLab: a name takes subgroups in', () => {
    const { rules } = parse([good, { gitlab: { namespaces: ['acme'] } }])
    expect(rules[1]).toMatchObject({
      number: 2,
      source: 'gitlab',
      claims: [
        ['namespace_path', ['acme', 'acme/**']],
        ['ref_path', ['refs/heads/**', 'refs/tags/**']],
        ['pipeline_source', ['api', 'pipeline', 'push', 'schedule', 'trigger', 'web']],
      ],
      push: ['{project_path}', '{project_path}/**'],
      pull: ['{namespace_path}/**'],
    })
  })
  test.each([
    [
      'a name and its id',
      { name: 'acme', id: '72', subgroups: true },
      [
        [
          ['namespace_id', ['72']],
          ['namespace_path', ['acme']],
        ],
        [['namespace_path', ['acme/**']]],
      ],
    ],
    ['a name', { name: 'acme', subgroups: true }, [[['namespace_path', ['acme', 'acme/**']]]]],
    ['a name, without them', { name: 'acme', subgroups: false }, [[['namespace_path', ['acme']]]]],
    ['an id', { id: '72', subgroups: false }, [[['namespace_id', ['72']]]]],
  ])('of GitLab with subgroups said: %s', (_, namespace, claims) => {
    const { rules } = parse({ gitlab: { namespaces: [namespace] } })
    const said = rules.map((rule) => rule.claims.filter(([claim]) => claim.startsWith('namespace')))
    expect(said).toEqual(claims)
  })
  test('of GitLab says that subgroups are matched by name, even beside an id', () => {
    expect(parse({ gitlab: { namespaces: [{ name: 'acme', id: '72', subgroups: true }] } }).findings).toEqual([
      expect.objectContaining({
        severity: 'advice',
        code: 'name-without-id',
        wrong: expect.stringMatching(/subgroups are matched by name/),
      }),
    ])
  })
  test('of GitLab needs a name for subgroups', () => {
    expect(parse({ gitlab: { namespaces: [{ id: '72', subgroups: true }] } }).findings).toEqual([
      expect.objectContaining({ severity: 'error', wrong: expect.stringMatching(/needs the name as well/) }),
    ])
  })
  test('advises an id beside a name', () => {
    expect(parse({ github: { owners: ['acme'] } }).findings).toEqual([
      expect.objectContaining({ severity: 'advice', code: 'name-without-id', rule: 1 }),
    ])
  })
  test('names another source of the same platform, and no other', () => {
    expect(parse({ github: { owners: [501], source: 'gitlab' } }).findings).toContainEqual(
      expect.objectContaining({ code: 'claim-unknown' }),
    )
  })
  test.each([
    ['no owners', { github: {} }],
    ['an owner without name and id', { github: { owners: [{}] } }],
    ['a wildcard as owner', { github: { owners: ['acme*'] } }],
    ['everything as owner', { gitlab: { namespaces: ['**'] } }],
    ['an unknown field', { github: { owner: ['acme'] } }],
    ['subgroups at GitHub', { github: { owners: [{ name: 'acme', subgroups: true }] } }],
    ['subgroups that are text', { gitlab: { namespaces: [{ name: 'acme', subgroups: 'yes' }] } }],
    ['a rule mixed in', { github: { owners: [501] }, push: ['a'] }],
  ])('is refused with %s', (_, value) => {
    expect(parse(value).findings).toContainEqual(expect.objectContaining({ severity: 'error' }))
    expect(parse(value).rules).toEqual([])
  })
})

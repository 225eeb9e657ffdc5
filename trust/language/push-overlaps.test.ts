import { expect, test } from 'vitest'
import { parseRules } from './rules.ts'
import { parseSources } from './sources.ts'

const { sources } = parseSources(
  [
    { slug: 'github', platform: 'github' },
    { slug: 'enterprise', platform: 'github', enterprise: 'acme-inc' },
    { slug: 'ghes', platform: 'github', url: 'https://github.example.com' },
    { slug: 'gitlab', platform: 'gitlab' },
  ],
  'registry.example.com',
)
const overlaps = (...rules: unknown[]) =>
  parseRules(rules, sources).findings.filter(({ code }) => code === 'pushed-by-two-sources')
const github = (name: string) => ({ github: { owners: [{ name, id: '501' }] } })
const gitlab = (name: string) => ({ gitlab: { namespaces: [{ name, id: '72' }] } })
const rule = (source: string, push: string[], claims: object = {}) => ({
  source,
  claims: { ...(source === 'gitlab' ? { project_id: '20' } : { repository_id: '101' }), ...claims },
  push,
})

test.each<[string, unknown[], number[]]>([
  ['one owner', [github('acme')], []],
  ['one name at two platforms', [github('acme'), gitlab('acme')], [2]],
  ['one name in another case', [github('Acme'), gitlab('acme')], [2]],
  ['two names', [github('acme'), gitlab('other')], []],
  ['a group below a name', [github('acme'), gitlab('acme/team')], [2]],
  ['an id, which can have any name', [gitlab('acme'), { github: { owners: [501] } }], [2]],
  ['one literal name', [rule('github', ['shared/base']), rule('gitlab', ['shared/base'])], [2]],
  ['two literal names', [rule('github', ['shared/base']), rule('gitlab', ['shared/other'])], []],
  ['a pattern and a name', [rule('github', ['shared/*']), github('acme'), rule('gitlab', ['shared/base'])], [3]],
  ['a prefix for one of them', [github('acme'), rule('gitlab', ['gitlab/{project_path}'])], []],
  ['a claim that is pinned', [rule('github', ['{repository}'], { repository: 'acme/app' }), gitlab('other')], []],
  ['two rules of one source', [rule('github', ['shared/base']), github('shared')], []],
  ['an enterprise and all of its server', [github('acme'), rule('enterprise', ['acme/app'])], []],
  ['two servers', [rule('github', ['acme/app']), rule('ghes', ['acme/app'])], [2]],
  ['who only pulls', [github('acme'), { ...rule('gitlab', []), push: undefined, pull: ['acme/**'] }], []],
])('%s', (_, rules, numbers) => {
  expect(overlaps(...rules).map(({ rule }) => rule)).toEqual(numbers)
})

test('one warning for two sources, which names both rules', () => {
  const found = overlaps(github('acme'), github('other'), gitlab('acme'), gitlab('other'))
  expect(found).toEqual([
    {
      severity: 'warning',
      code: 'pushed-by-two-sources',
      rule: 3,
      field: 'push',
      wrong:
        'jobs of gitlab push "acme/*", and so do jobs of github by rule 1: the owner of a name on one ' +
        'platform can replace the images of its owner on the other',
      example: 'a name of its own for one of them, such as "gitlab/{...}"',
    },
  ])
})

test('five thousand rules are looked at in time', () => {
  const rules = Array.from({ length: 5_000 }, (_, at) => (at % 2 === 0 ? github(`a${at}`) : gitlab(`a${at}`)))
  const start = performance.now()
  expect(overlaps(...rules)).toEqual([])
  expect(performance.now() - start).toBeLessThan(10_000)
})

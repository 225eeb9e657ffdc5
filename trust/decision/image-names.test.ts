import { describe, expect, test } from 'vitest'
import { explainClaims } from '../explain/explain.ts'
import { explanationText } from '../explain/explain-text.ts'
import { compileDocument, sessionNames } from '../language/document.ts'
import { parseRules } from '../language/rules.ts'
import { parseSources } from '../language/sources.ts'
import { checkToken } from './check-token.ts'
import { nearestImageName } from './image-names.ts'
import { loadPolicy } from './policy.ts'
import { isRepositoryPath } from './repository-names.ts'

const { sources } = parseSources(
  [
    { slug: 'github', platform: 'github' },
    { slug: 'gitlab', platform: 'gitlab' },
  ],
  'registry.example.com',
)
function policyOf(...written: unknown[]) {
  const { rules, findings } = parseRules(written, sources)
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
  const names = { application: 'a', groups: { push: 'a', pull: 'b' }, session: sessionNames }
  const policy = loadPolicy(compileDocument(sources, rules, names))
  if (policy === undefined) throw new Error('no policy')
  return policy
}
const claims = (repository: string) => ({
  iss: 'https://token.actions.githubusercontent.com',
  aud: 'registry.example.com',
  exp: 2_000,
  repository,
  repository_id: '101',
  repository_owner: 'acme',
  repository_owner_id: '501',
  ref: 'refs/heads/main',
  event_name: 'push',
})
const login = (policy: ReturnType<typeof policyOf>, of: object) =>
  checkToken(policy, { header: { alg: 'RS256', kid: '1' }, claims: { ...of } }, 1_000)
const own = { source: 'github', claims: { repository_owner_id: '501' }, push: ['{repository}', '{repository}/**'] }
const short = { github: { owners: [{ name: 'acme', id: '501' }] } }

describe('a login of a repository whose name is not that of an image', () => {
  test.each(['acme/.github', 'acme/my___app', 'acme/a..b', 'acme/-', 'acme/app-'])('is refused: %s', (repository) => {
    const check = login(policyOf(own), claims(repository))
    expect(check).toMatchObject({ ok: false, code: 'no-image-name' })
    expect(check).toMatchObject({
      sentence: expect.stringMatching(
        /^repository ".*" cannot be the name of an image, so "\{repository\}" of the rules grants it nothing; add a rule that names the image: \{ source: github, claims: \{ repository_id: "101" \}, push: \["acme\/.+"\] \}$/,
      ),
    })
  })

  test.each<[string, unknown[], string]>([
    ['pull something else', [short], 'acme/.github'],
    ['push by another rule', [own, { ...own, push: ['acme/github'] }], 'acme/.github'],
    ['delete somewhere', [{ ...own, delete: 'tmp/**' }], 'acme/.github'],
    ['list the catalog', [{ ...own, catalog: true }], 'acme/.github'],
    ['push, as its name is fine', [own], 'acme/my__app'],
  ])('works where the job may %s', (_, rules, repository) => {
    expect(login(policyOf(...rules), claims(repository))).toMatchObject({ ok: true })
  })

  test('of GitLab is refused in the same words', () => {
    const of = { project_id: '20', namespace_path: 'acme', namespace_id: '72', project_path: 'acme/my___app' }
    const rule = { source: 'gitlab', claims: { namespace_id: '72' }, push: '{project_path}' }
    const check = login(policyOf(rule), { ...claims('x'), ...of, iss: 'https://gitlab.com' })
    expect(check).toMatchObject({
      code: 'no-image-name',
      sentence: expect.stringMatching(
        /^project_path "acme\/my___app".*claims: \{ project_id: "20" \}, push: \["acme\/my_app"\]/,
      ),
    })
  })
})

test('explain says so too, where something else is granted as well', () => {
  const policy = policyOf(short)
  const source = policy.sources.get('github')
  if (source === undefined) throw new Error('no source')
  const scopes = ['repository:acme/github:push']
  const explanation = explainClaims(policy, { kind: 'claims', source, claims: claims('acme/.github') }, scopes)
  expect(explanation).toMatchObject({ granted: false, unusable: expect.stringContaining('"acme/.github" cannot be') })
  expect(explanationText(explanation)).toMatch(/^names {4}repository "acme\/\.github" cannot be the name of an image/m)
  const usual = explainClaims(policy, { kind: 'claims', source, claims: claims('acme/app') }, scopes)
  expect(usual.unusable).toBeUndefined()
})

test.each([
  ['acme/.github', 'acme/github'],
  ['Acme/My___App', 'acme/my_app'],
  ['acme/a..b', 'acme/a.b'],
  ['acme/app-', 'acme/app'],
  ['acme/größe', 'acme/gr-e'],
  ['acme/-', 'acme/app'],
  ['---', 'acme/app'],
  ['acme/team/.config', 'acme/team/config'],
])('%s is most like %s', (text, name) => {
  expect(nearestImageName(text)).toBe(name)
  expect(isRepositoryPath(name)).toBe(true)
})

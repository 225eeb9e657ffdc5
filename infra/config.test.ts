import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseSettings, type RawSettings } from './config.ts'
import { settingDefaults } from './setting-defaults.ts'

const projectFile = readFileSync(join(import.meta.dirname, '..', 'Pulumi.yaml'), 'utf8')
const project = parse(projectFile)
const defaults = settingDefaults(projectFile)
/** What Pulumi.yaml says of our settings, without what it sets for providers (`kubernetes:...`). */
const declared = Object.entries<object>(project.config).filter(([key]) => !key.includes(':'))

const raw = (settings: Record<string, string> = {}, more: Partial<RawSettings> = {}): RawSettings => ({
  settings: { ...defaults, host: 'registry.example.com', ...settings },
  authentikUrl: 'https://authentik.example.com/',
  hasAuthentikToken: true,
  ...more,
})

function mistakes(settings: Record<string, string>, more: Partial<RawSettings> = {}): string {
  try {
    parseSettings(raw(settings, more))
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('the configuration was taken')
}

describe('what a stack need not say', () => {
  it('follows from the host and from authentik:url', () => {
    expect(parseSettings(raw()).settings).toMatchObject({
      host: 'registry.example.com',
      audience: 'registry.example.com',
      authentikUrl: 'https://authentik.example.com',
      tokenLifetimeMinutes: 10,
      sessionHours: 6,
      sources: [
        { slug: 'github', platform: 'github', audience: 'registry.example.com' },
        { slug: 'gitlab', platform: 'gitlab', audience: 'registry.example.com' },
      ],
      ingressClass: undefined,
      image: undefined,
    })
  })

  it.each(Object.keys(defaults).filter((key) => key !== 'host'))('may be there and empty: %s', (key) => {
    expect(parseSettings(raw({ [key]: '' }))).toEqual(parseSettings(raw()))
  })

  it('gives way to what it says', () => {
    const given = { host: 'localhost:15000', authentikUrl: 'http://authentik.ns.svc:9000', audience: 'https://acme' }
    expect(parseSettings(raw(given)).settings).toMatchObject(given)
  })
})

describe('a mistake', () => {
  it.each([
    ['host', 'https://registry.example.com'],
    ['host', 'Registry.example.com'],
    ['host', 'registry.example.com/'],
    ['host', '10.0.0.1:5000'],
    ['host', 'a..b'],
    ['host', 'a-.example.com'],
    ['host', `${'a'.repeat(64)}.example.com`],
    ['host', 'registry.example.com:0'],
    ['host', 'registry.example.com:65536'],
    ['host', 'registry.example.com:99999'],
    ['authentikUrl', 'authentik.example.com'],
    ['authentikUrl', 'ldap://authentik'],
    ['authentikUrl', 'https://user:hunter2@authentik.example.com'],
    ['authentikUrl', 'https://authentik.example.com/?token=hunter2'],
    ['authentikUrl', 'https://authentik.example.com/#hunter2'],
    ['authentikUrl', 'https://authentik.example.com:65536'],
    ['authentikUrl', 'https://authentik..example.com'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the start of an expression in a workflow
    ['audience', '${{ secrets.TOKEN }}'],
    ['audience', 'a "b"'],
    ['clientId', 'a b'],
    ['tokenLifetimeMinutes', '0'],
    ['tokenLifetimeMinutes', '61'],
    ['tokenLifetimeMinutes', '1.5'],
    ['tokenLifetimeMinutes', 'ten'],
    ['sessionHours', '-1'],
    ['sessionHours', '25'],
    ['pushGroup', 'a\nb'],
    ['pullGroup', 'acl_docker_push'],
    ['namespace', 'Registry'],
    ['ingressClass', 'a/b'],
    ['ingressAnnotations.a', '{"a": 1}'],
    ['explainRefusedPush', 'maybe'],
    ['storageSize', '20'],
    ['ciSource', 'acme/passwordless-registry'],
    ['ciSource', 'https://github.com/acme/passwordless-registry@v1'],
  ])('in %s: %s', (key, value) => {
    const setting = key.split('.')[0] ?? ''
    const message = mistakes({ [setting]: value })
    expect(message).toContain(`passwordless-registry:${key}: expected `)
    expect(message).toMatch(new RegExp(`pulumi config set (--path ')?${setting}`))
    expect(message).toContain('nothing was changed')
    expect(message).not.toContain('hunter2')
  })

  it('in the URL of the provider names that setting', () => {
    const message = mistakes({}, { authentikUrl: 'https://akadmin:hunter2@authentik.example.com' })
    expect(message).toContain(
      'authentik:url: expected an http or https URL; this one has a user name or password in it',
    )
    expect(message).toContain("pulumi config set authentik:url 'https://authentik.example.com'")
    expect(message).not.toContain('hunter2')
  })

  it('is reported together with all the others', () => {
    const message = mistakes(
      { host: '', storageSize: 'big', hots: 'x' },
      { hasAuthentikToken: false, authentikUrl: undefined },
    )
    expect(message).toContain('needs 5 corrections')
    expect(message).toContain('passwordless-registry:host: expected a host name')
    expect(message).toContain("pulumi config set host 'registry.example.com'")
    expect(message).toContain('passwordless-registry:storageSize: expected a size with its unit; it is "big"')
    expect(message).toContain('passwordless-registry:hots: there is no such setting')
    expect(message).toContain('pulumi config set authentik:url https://')
    expect(message).toContain('pulumi config set --secret authentik:token')
  })

  it('in sources and rules is reported with its place, what is wrong and a correct example', () => {
    const message = mistakes({
      sources: '[{"slug": "github", "platform": "github"}, {"slug": "a", "platform": "bitbucket"}]',
      trust: '[{"source": "github", "claims": {}}, {"source": "gitea", "claims": {"sub": "x"}, "push": ["x"]}]',
      storageSize: 'big',
    })
    expect(message).toContain('needs 4 corrections')
    expect(message).toContain('passwordless-registry:sources[1].platform: is none of github, gitlab, oidc; use instead')
    expect(message).toMatch(/passwordless-registry:trust: rule 1, claims: .*would match every job; use instead: /)
    expect(message).toMatch(/passwordless-registry:trust: rule 2, source: .*"gitea".*; use instead: /)
  })

  it('in the shape of sources or rules does not crash the program', () => {
    expect(mistakes({ sources: 'github', trust: '"acme"' })).toMatch(
      /sources: the list of sources is "github".*trust: rule 1: "acme" is not a rule/s,
    )
  })

  it('is a rule too many for the token service', () => {
    const push = Array.from({ length: 200 }, (_, at) => `shared/${at}/${'x'.repeat(200)}`)
    const rules = Array.from({ length: 30 }, (_, at) => ({
      source: 'github',
      claims: { repository_id: String(at) },
      push,
    }))
    expect(mistakes({ trust: JSON.stringify(rules) })).toMatch(/trust: the compiled rules have 1\d{6} bytes/)
  })

  it('shows no more of a value than its beginning', () => {
    expect(mistakes({ storageSize: 'x'.repeat(5000) }).length).toBeLessThan(500)
  })
})

describe('a warning', () => {
  const proxies = { trustedProxies: '["10.0.0.0/8"]' }
  const warnings = (trust: unknown) => parseSettings(raw({ ...proxies, trust: JSON.stringify(trust) })).warnings

  it('is given if no CI job can do anything', () => {
    expect(warnings([])).toEqual([expect.stringContaining('passwordless-registry:trust: there is no rule')])
  })

  it('is given about a rule that works but could be better', () => {
    expect(warnings([{ github: { owners: ['acme'] } }])).toEqual([
      expect.stringMatching(/^passwordless-registry:trust: rule 1, claims\.repository_owner: .*; use instead: /),
    ])
    expect(warnings([{ github: { owners: [{ name: 'acme', id: '501' }] } }])).toEqual([])
  })

  it.each([
    ['registry.example.com', {}, true],
    ['registry.example.com', proxies, false],
    ['localhost:15000', {}, false],
  ])('is given where others reach the registry and all clients count as one: %s %j', (host, given, isWarned) => {
    const trust = '[{"github":{"owners":[{"name":"acme","id":"501"}]}}]'
    expect(parseSettings(raw({ host, trust, ...given })).warnings).toEqual(
      isWarned ? [expect.stringMatching(/^passwordless-registry:trustedProxies: is not set/)] : [],
    )
  })
})

describe('Pulumi.yaml', () => {
  it('declares each setting with a type and a description', () => {
    for (const [name, declaration] of declared) {
      expect(declaration).toEqual(
        expect.objectContaining({
          // A list or `true`.
          ...(name !== 'clusterPulls' && { type: expect.any(String) }),
          description: expect.any(String),
          default: expect.anything(),
        }),
      )
    }
  })

  it('declares all settings that the program knows, and no other', () => {
    // An undeclared one would be unknown to `pulumi config`, an unknown one is refused by the program.
    expect(Object.keys(parseSettings(raw()).settings).sort()).toEqual(declared.map(([key]) => key).sort())
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseSettings, type RawSettings } from './config.ts'

const project = parse(readFileSync(join(import.meta.dirname, '..', 'Pulumi.yaml'), 'utf8'))
const defaults = Object.fromEntries(
  Object.entries<{ default: unknown }>(project.config).map(([key, { default: value }]) => [
    key,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]),
)

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
    expect(parseSettings(raw())).toMatchObject({
      host: 'registry.example.com',
      audience: 'registry.example.com',
      authentikUrl: 'https://authentik.example.com',
      tokenLifetimeMinutes: 10,
      sources: [
        { slug: 'github', platform: 'github' },
        { slug: 'gitlab', platform: 'gitlab' },
      ],
      ingressClass: undefined,
      image: undefined,
    })
  })

  it('gives way to what it says', () => {
    const given = { host: 'localhost:15000', authentikUrl: 'http://authentik.ns.svc:9000', audience: 'https://acme' }
    expect(parseSettings(raw(given))).toMatchObject(given)
  })
})

describe('a mistake', () => {
  it.each([
    ['host', 'https://registry.example.com'],
    ['host', 'Registry.example.com'],
    ['host', 'registry.example.com/'],
    ['host', '10.0.0.1:5000'],
    ['host', 'a..b'],
    ['authentikUrl', 'authentik.example.com'],
    ['authentikUrl', 'ldap://authentik'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the start of an expression in a workflow
    ['audience', '${{ secrets.TOKEN }}'],
    ['audience', 'a "b"'],
    ['clientId', 'a b'],
    ['tokenLifetimeMinutes', '0'],
    ['tokenLifetimeMinutes', '61'],
    ['tokenLifetimeMinutes', '1.5'],
    ['tokenLifetimeMinutes', 'ten'],
    ['pushGroup', ''],
    ['pushGroup', 'a\nb'],
    ['pullGroup', 'acl_docker_push'],
    ['sources', '[]'],
    ['sources', 'github'],
    ['sources', '[{"slug": "a", "platform": "github"}, {"slug": "a", "platform": "gitlab"}]'],
    ['sources.0', '[{"slug": "a", "platform": "github", "jwksUrl": "http://a", "wellKnownUrl": "http://b"}]'],
    ['sources.0', '[{"slug": "a", "platform": "github", "token": "x"}]'],
    ['sources.0.platform', '[{"slug": "a", "platform": "bitbucket"}]'],
    ['sources.0.slug', '[{"slug": "a b", "platform": "github"}]'],
    ['sources.0.url', '[{"slug": "a", "platform": "github", "url": "ghe.example"}]'],
    ['pushSubjects', 'repo:acme/app'],
    ['pushSubjects.1', '["repo:acme/app", ""]'],
    ['namespace', 'Registry'],
    ['ingressClass', 'a/b'],
    ['ingressAnnotations.a', '{"a": 1}'],
    ['storageSize', '20'],
    ['nodeImage', ''],
  ])('in %s: %s', (key, value) => {
    const setting = key.split('.')[0] ?? ''
    const message = mistakes({ [setting]: value })
    expect(message).toContain(`passwordless-registry:${key}: expected `)
    expect(message).toMatch(new RegExp(`pulumi config set (--path ')?${setting}`))
    expect(message).toContain('nothing was changed')
  })

  it('is told together with all the others', () => {
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

  it('in a subject too long for authentik names the subject and the limit', () => {
    const sub = `repo:acme/${'a'.repeat(150)}`
    expect(mistakes({ pushSubjects: JSON.stringify(['ok', sub]) })).toMatch(
      /pushSubjects\.1: expected .*at most 150 characters.*this one has 176.*repo:acme\/aaa/,
    )
    const longest = 'ä'.repeat(150 - 'docker-registry-'.length)
    expect(parseSettings(raw({ pushSubjects: JSON.stringify([longest]) })).pushSubjects).toEqual([longest])
  })

  it('shows no more of a value than its beginning', () => {
    expect(mistakes({ storageSize: 'x'.repeat(5000) }).length).toBeLessThan(500)
  })
})

describe('Pulumi.yaml', () => {
  it('declares each setting with a type and a description', () => {
    for (const declaration of Object.values(project.config)) {
      expect(declaration).toEqual(
        expect.objectContaining({
          type: expect.any(String),
          description: expect.any(String),
          default: expect.anything(),
        }),
      )
    }
  })

  it('declares all settings that the program knows, and no other', () => {
    // An undeclared one would be unknown to `pulumi config`, an unknown one is refused by the program.
    expect(Object.keys(parseSettings(raw())).sort()).toEqual(Object.keys(project.config).sort())
  })
})

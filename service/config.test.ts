import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'
import { limits } from './limits.ts'

const good = {
  TOKEN_URL: 'https://authentik.example.com/application/o/token/',
  CLIENT_ID: 'docker-registry',
  SCOPE: 'access',
}

function mistakesOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
  }
  return []
}

describe('readConfig', () => {
  it('needs three settings and has defaults for the rest', () => {
    const config = readConfig({ ...good, PATH: '/bin', ANON_USERNAME: '', LOG_LEVEL: '' })
    expect(config).toEqual({
      addressesKnown: false,
      tokenUrl: new URL(good.TOKEN_URL),
      clientId: 'docker-registry',
      scope: 'access',
      jwtUsername: 'JWT',
      anonymous: { kind: 'none' },
      anonymousRepositories: [],
      session: undefined,
      trustFile: undefined,
      issuerKeysFile: undefined,
      registryJwksFile: undefined,
      jwksUrl: undefined,
      explainRefusedPush: true,
      trustedProxies: { check: expect.any(Function) },
      logLevel: 'info',
      listen: { port: 9001 },
      // Without a trusted proxy everybody has its address.
      limits: { ...limits, addressRate: 0 },
      warnings: [],
    })
  })

  it('lists every mistake at once, and repeats no value', () => {
    const mistakes = mistakesOf({
      TOKEN_URL: 'https://user:hunter2@authentik.example.com/',
      SCOPE: 'access',
      ANON_PASSWORD: 'hunter2',
      LOG_LEVEL: 'hunter2',
      LISTEN: 'hunter2',
      PASS_JWT_USERNAME: 'a:hunter2',
      SESSION_SCOPE: 'hunter2',
      EXPLAIN_REFUSED_PUSH: 'hunter2',
      TRUSTED_PROXIES: '10.0.0.0/8,hunter2',
      JWKS_URL: 'https://elsewhere.example.com/hunter2',
      LIMIT_CACHE_MS: 'hunter2',
      LIMIT_UPSTREAM_CONNECTIONS: '0',
    })
    expect(mistakes).toEqual([
      expect.stringMatching(/^TOKEN_URL is not an http\(s\) URL, like .*without user, password and fragment$/),
      expect.stringMatching(/^CLIENT_ID is missing; it is the client id/),
      expect.stringMatching(/^PASS_JWT_USERNAME contains a colon/),
      expect.stringMatching(/^EXPLAIN_REFUSED_PUSH is neither on nor off$/),
      expect.stringMatching(/^TRUSTED_PROXIES is not a list of addresses and networks/),
      expect.stringMatching(/^LOG_LEVEL is not one of trace, /),
      expect.stringMatching(/^LISTEN is neither a port/),
      expect.stringMatching(/^ANON_USERNAME and ANON_PASSWORD belong together/),
      expect.stringMatching(/^SESSION_CLIENT_ID and SESSION_SCOPE belong together/),
      expect.stringMatching(/^LIMIT_UPSTREAM_CONNECTIONS must be a whole number from 1 to/),
      expect.stringMatching(/^LIMIT_CACHE_MS must be a whole number from 1 to/),
    ])
    expect(mistakes.join()).not.toContain('hunter2')
  })

  it.each(['authentik.example.com', 'ftp://authentik.example.com/', 'https://authentik.example.com/#x', 'https://'])(
    'does not take %s for a token endpoint',
    (url) => expect(mistakesOf({ ...good, TOKEN_URL: url })).toHaveLength(1),
  )

  it.each([
    ['WARNING', 'warn'],
    ['panic', 'fatal'],
    ['Trace', 'trace'],
  ])('knows the level %s of distribution-oauth', (given, expected) => {
    expect(readConfig({ ...good, LOG_LEVEL: given }).logLevel).toBe(expected)
  })

  it.each([
    ['0', { port: 0 }],
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['[::1]:65535', { host: '::1', port: 65535 }],
    [':9001', undefined],
    ['65536', undefined],
    ['host:', undefined],
  ])('reads LISTEN=%s', (given, expected) => {
    if (expected) expect(readConfig({ ...good, LISTEN: given }).listen).toEqual(expected)
    else expect(mistakesOf({ ...good, LISTEN: given })).toHaveLength(1)
  })

  it('reads proxies, in lower case first, and keeps their credentials out of sight', () => {
    const named = { HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://user:hunter2@lower:2', no_proxy: '.svc' }
    const config = readConfig({ ...good, ...named })
    expect(config.proxies).toMatchObject({ http: undefined, noProxy: '.svc' })
    expect(config.proxies?.https?.reveal()).toBe('http://user:hunter2@lower:2')
    expect(JSON.stringify(config)).not.toContain('hunter2')
    expect(readConfig({ ...good, NO_PROXY: '*' }).proxies).toBeUndefined()
    for (const wrong of ['socks5://hunter2:1', 'hunter2:3128']) {
      expect(mistakesOf({ ...good, HTTP_PROXY: wrong })).toEqual([
        'HTTP_PROXY is not the http(s) URL of a proxy, like http://proxy.example.com:3128',
      ])
    }
  })

  it('keeps the password of the anonymous user out of sight', () => {
    const config = readConfig({ ...good, ANON_USERNAME: 'guest', ANON_PASSWORD: 'hunter2' })
    expect(config.anonymous).toMatchObject({ kind: 'password', username: 'guest' })
    expect(config.anonymous.kind === 'password' && config.anonymous.password.reveal()).toBe('hunter2')
    expect(JSON.stringify(config)).not.toContain('hunter2')
  })

  it('knows where sessions and rules come from', () => {
    const env = { SESSION_CLIENT_ID: 'ci-session', SESSION_SCOPE: 'ci', TRUST_FILE: '/etc/trust.json' }
    expect(readConfig({ ...good, ...env, EXPLAIN_REFUSED_PUSH: 'off' })).toMatchObject({
      session: { clientId: 'ci-session', scope: 'ci' },
      trustFile: '/etc/trust.json',
      explainRefusedPush: false,
    })
  })

  it('takes ANON_KUBE_JWT as a switch, as distribution-oauth does, or as a path', () => {
    const pathOf = (value: string) => readConfig({ ...good, ANON_KUBE_JWT: value }).anonymous
    expect(pathOf('true')).toEqual({ kind: 'jwt-file', path: '/var/run/secrets/kubernetes.io/serviceaccount/token' })
    expect(pathOf('/var/run/secrets/registry/token')).toEqual({
      kind: 'jwt-file',
      path: '/var/run/secrets/registry/token',
    })
  })

  it('takes limits, and counts by address where it can tell addresses apart', () => {
    const set = readConfig({ ...good, LIMIT_CACHE_MS: '5000', LIMIT_LAME_DUCK_MS: '0', TRUSTED_PROXIES: '10.0.0.0/8' })
    expect(set.limits).toMatchObject({ cacheMs: 5000, lameDuckMs: 0, addressRate: limits.addressRate })
    expect(set.trustedProxies.check('10.1.2.3', 'ipv4')).toBe(true)
    expect(readConfig({ ...good, LIMIT_ADDRESS_RATE: '7' }).limits.addressRate).toBe(7)
  })

  it('opens named repositories to everybody', () => {
    const { anonymousRepositories } = readConfig({ ...good, ANON_REPOSITORIES: 'public/**, acme/base' })
    expect(anonymousRepositories.map(({ pattern }) => pattern)).toEqual(['public/**', 'acme/base'])
  })

  it('warns of what has no effect', () => {
    const env = { ...good, ANON_KUBE_JWT: '1', ANON_USERNAME: 'guest', ANON_PASSWORD: 'p' }
    const config = readConfig(env)
    expect(config.anonymous.kind).toBe('jwt-file')
    expect(config.warnings).toEqual([
      expect.stringMatching(/^ANON_USERNAME and ANON_PASSWORD have no effect/),
      expect.stringMatching(/^Pulls without credentials get nothing: ANON_REPOSITORIES/),
    ])
  })
})

/**
 * One running token service for each test of a file, with a fake upstream behind it, and at the end of the file the
 * question whether anything that ran has shown a secret: in what it wrote, in the errors that it answered, or on its
 * page of metrics. Log level is the most talkative one.
 */
import { afterAll, afterEach, beforeEach, expect } from 'vitest'
import type { Limits } from '../service/limits.ts'
import { type FakeUpstream, fakeUpstream } from './fake-upstream.ts'
import { bundleDir, type TokenServiceProcess } from './token-service.ts'

/** Whatever may not be seen in a log. */
export const secrets = {
  ciToken: 'eyJhbGciOiJSUzI1NiJ9.ci-token-claims.ci-token-signature',
  appPassword: 'app-password-4711',
  anonymousPassword: 'anonymous-password-4712',
  kubernetesToken: 'eyJhbGciOiJSUzI1NiJ9.kubernetes-claims.kubernetes-signature',
  registryToken: 'eyJhbGciOiJFUzI1NiJ9.registry-claims.registry-signature',
  /** As when a person swaps the two fields of the login form. */
  passwordAsUsername: 'swapped-password-4713',
  /** What an answer of authentik's might quote. */
  quotedUpstream: 'quoted-by-upstream-4714',
}

/** The Authorization header of HTTP Basic. */
export function basic(username: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

/** How a CI job logs in. */
export const ci = basic('JWT', secrets.ciToken)

interface ErrorBody {
  errors: [{ code: string; message: string; detail: { reason: string; requestId: string } }]
}

/**
 * Registers the hooks of a test file and gives it what its tests need.
 * @param started whether each test begins with a service of the usual environment; without, each starts its own
 */
export function useTokenService({ started = true } = {}) {
  const bundle = bundleDir()
  let upstream: FakeUpstream
  let service: TokenServiceProcess
  const running = new Set<TokenServiceProcess>()
  let outputOfAll = ''
  const moreSecrets: string[] = []

  beforeEach(async () => {
    upstream = await fakeUpstream(secrets.registryToken)
    if (started) service = await start()
  })
  afterEach(async () => {
    for (const left of running) await stop(left)
    await upstream[Symbol.asyncDispose]()
  })
  afterAll(() => {
    expectNoSecrets(outputOfAll, [...Object.values(secrets), ...moreSecrets])
  })

  const usualEnv = () => ({
    TOKEN_URL: upstream.url,
    CLIENT_ID: 'docker-registry',
    SCOPE: 'docker-registry',
    LOG_LEVEL: 'trace',
  })
  /** Starts another one, until the end of the test. */
  const start = async (env: Record<string, string> = {}, limits?: Partial<Limits>) => {
    const started = await bundle.start({ ...usualEnv(), ...env }, limits)
    running.add(started)
    return started
  }
  /** Ends one before the end of the test, so that all it has written is there. */
  const stop = async (ended: TokenServiceProcess) => {
    running.delete(ended)
    await pageOf(ended).catch(() => {}) // it may have ended, or have no second port
    await ended[Symbol.asyncDispose]()
    outputOfAll += ended.output()
  }
  /** Runs one to its end, with nothing in its environment but this. */
  const run = async (env: Record<string, string>) => {
    const ended = await bundle.run(env)
    outputOfAll += ended.output
    return ended
  }
  /** Asks for a token. */
  const ask = async (
    headers: Record<string, string> = {},
    { query = 'service=docker-registry&scope=repository:acme/app:pull,push', at = service } = {},
  ) => {
    return answerOf(await fetch(`${at.url}/token?${query}`, { headers }))
  }
  const answerOf = async (response: Response) => {
    const text = await response.text()
    if (!response.ok) outputOfAll += `${text}\n`
    const body: unknown = JSON.parse(text)
    return { response, body, status: response.status, error: (body as Partial<ErrorBody>).errors?.[0] }
  }
  const pageOf = async (at: TokenServiceProcess) => {
    const response = await fetch(`${at.metricsUrl}/metrics`, { signal: AbortSignal.timeout(2_000) })
    const page = await response.text()
    outputOfAll += `${page}\n`
    return page
  }
  /**
   * The metrics as they are now: `token_service_ready`, or `token_service_cache_lookups_total{result="hit"}`, to
   * number.
   */
  const metrics = async (at = service) => {
    const lines = (await pageOf(at)).matchAll(/^(?<name>[a-z_]+(?:\{.*\})?) (?<value>[-+.e\d]+|NaN)$/gim)
    const values = new Map([...lines].map(({ groups }) => [groups?.name, Number(groups?.value)]))
    return (name: string) => values.get(name) ?? 0
  }
  /** Asks for a token with a form. */
  const post = async (form: Record<string, string>, { at = service } = {}) =>
    answerOf(await fetch(`${at.url}/token`, { method: 'POST', body: new URLSearchParams(form) }))
  /** Marks a text as one that no log may hold, and gives it back. */
  const secret = (text: string) => {
    moreSecrets.push(text)
    return text
  }
  return {
    get upstream() {
      return upstream
    },
    get service() {
      return service
    },
    start,
    stop,
    run,
    ask,
    post,
    metrics,
    secret,
  }
}

function expectNoSecrets(output: string, texts: readonly string[]): void {
  const lines = output.split('\n')
  // Silence would prove nothing.
  expect(lines.filter((line) => line.includes('"msg":"answered"')).length).toBeGreaterThan(5)
  const encoded = texts.flatMap((secret) => {
    // Base64 of a text within a longer one begins at any of three places; its middle is the same.
    const shifted = ['', 'x', 'xx'].map((before) =>
      Buffer.from(before + secret)
        .toString('base64')
        .slice(4, -4),
    )
    return [secret, encodeURIComponent(secret), ...shifted]
  })
  for (const secret of encoded) expect(lines.filter((line) => line.includes(secret))).toEqual([])
}

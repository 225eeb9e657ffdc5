import { describe, expect, test } from 'vitest'
import { decodeToken } from '../../trust/decision/decode-token.ts'
import { registryToken } from './jwt.ts'
import { createWorkload, MANY_CREDENTIALS, type WorkloadName, type WorkloadSettings } from './workloads.ts'

const settings: WorkloadSettings = {
  run: 'test',
  url: 'http://127.0.0.1:9001/token',
  service: 'docker-registry',
  scope: 'repository:acme/app:pull,push',
  issuedAt: 1_785_000_000,
}
const asks = (name: WorkloadName, count: number) =>
  Array.from({ length: count }, (_, n) => createWorkload(name, settings)(n))
const distinct = (texts: readonly string[]) => new Set(texts).size

describe('a request', () => {
  const [ask] = asks('unique', 1)
  test('is one that the token service understands', () => {
    const [line, ...headers] = ask?.request.trimEnd().split('\r\n') ?? []
    expect(line).toBe('GET /token?service=docker-registry&scope=repository%3Aacme%2Fapp%3Apull%2Cpush HTTP/1.1')
    const basic = headers.find((header) => header.startsWith('Authorization: Basic '))?.slice(21) ?? ''
    expect(Buffer.from(basic, 'base64').toString()).toBe(`JWT:${ask?.jwt}`)
    expect(ask?.request.endsWith('\r\n\r\n')).toBe(true)
  })
  test('carries a token of the size and the claims of a real one', () => {
    const claims = decodeToken(ask?.jwt ?? '')?.claims
    expect(claims).toMatchObject({ repository: 'acme/app', sub: 'repo:acme/app:ref:refs/heads/main' })
    expect(claims?.exp).toBeGreaterThan(settings.issuedAt)
    expect(ask?.jwt.length).toBeGreaterThan(1_100)
    expect(ask?.jwt.length).toBeLessThan(1_400)
  })
  test('is answered with a token of the size of a real one', () => {
    const token = registryToken(ask?.jwt ?? '', ask?.scopes ?? [], settings.issuedAt, 600)
    expect(token.length).toBeGreaterThan(800)
    expect(token.length).toBeLessThan(1_000)
    expect(decodeToken(token)?.claims.access).toEqual([
      { type: 'repository', name: 'acme/app', actions: ['pull', 'push'] },
    ])
  })
})

describe('workloads', () => {
  test('unique never repeats a credential, repeated always does', () => {
    expect(distinct(asks('unique', 100).map(({ jwt }) => jwt))).toBe(100)
    expect(distinct(asks('repeated', 100).map(({ request }) => request))).toBe(1)
  })
  test('many comes back to the same tokens', () => {
    const workload = createWorkload('many', settings)
    expect(workload(MANY_CREDENTIALS + 7).request).toBe(workload(7).request)
    expect(workload(8).jwt).not.toBe(workload(7).jwt)
  })
  test('mix is 50 jobs, each with a login, its own repository, a mount and a look at the end', () => {
    const workload = createWorkload('mix', settings)
    const all = Array.from({ length: 50 * 17 }, (_, n) => workload(n))
    expect(distinct(all.map(({ jwt }) => jwt))).toBe(50)
    const job = all.filter((_, n) => n % 50 === 3)
    expect(job[0]?.request).toContain('offline_token=true')
    expect(job.map(({ scopes }) => scopes.length)).toEqual([0, 1, 1, 2, 1, 1, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1])
    expect(job.at(-1)?.scopes).toEqual(['repository:acme/app-3:pull'])
    expect(workload(50 * 17).jwt).not.toBe(all[0]?.jwt)
  })
  test('soak has jobs that last, between those that do not', () => {
    const workload = createWorkload('soak', settings)
    expect(workload(4 * 200 * 17).request).toBe(workload(0).request)
    expect(distinct(Array.from({ length: 1_000 }, (_, n) => workload(n).jwt))).toBe(400)
  })
})

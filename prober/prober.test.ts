/** What the probers make of a registry that works, and of everything that can be wrong with one. */
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { answerJson } from '../test/fake-upstream.ts'
import type { Target } from './environment.ts'
import { createProberMetrics } from './metrics.ts'
import { image, probeAsOwner } from './owner.ts'
import { PAUSED } from './probe.ts'
import { type FakeRegistry, fakeRegistry } from './registry.fixture.ts'
import { probeAsStranger } from './stranger.ts'

let registry: FakeRegistry
let target: Target

beforeEach(async () => {
  registry = await fakeRegistry()
  const url = `http://${registry.host}`
  target = {
    url: `${url}/v2/acme/app`,
    repository: 'acme/app',
    tokenService: { realm: `${url}/token`, service: 'docker-registry' },
    readToken: async () => 'session',
  }
  let manifest: string | undefined
  const { answers } = registry
  answers.set('PUT /v2/acme/app/manifests/probe', async (request, response) => {
    manifest = await text(request)
    response.writeHead(201).end()
  })
  answers.set('GET /v2/acme/app/manifests/probe', (_, response) =>
    response.writeHead(manifest === undefined ? 404 : 200).end(manifest),
  )
  answers.set(`DELETE /v2/acme/app/manifests/${image.digest}`, (_, response) => {
    manifest = undefined
    response.writeHead(202).end()
  })
  answers.set('GET /v2/acme/app/blobs/', (_, response) => response.end(image.layer))
})
afterEach(() => registry[Symbol.asyncDispose]())

const refusal = (status: number, reason: string) =>
  answerJson(status, { errors: [{ code: 'DENIED', message: `no: ${reason}`, detail: { reason, requestId: 'r' } }] })
const unusable = answerJson(500, {})

describe('the prober that has a rule', () => {
  const outcome = async () => {
    const results = await probeAsOwner(target)
    return results === PAUSED ? PAUSED : results.map(({ probe, ok, problem }) => [probe, ok, problem])
  }

  it('pushes, pulls and deletes, and looks whether it is gone', async () => {
    expect(await outcome()).toEqual([
      ['push', true, undefined],
      ['pull', true, undefined],
      ['delete', true, undefined],
    ])
    expect(registry.asked.filter((line) => line.startsWith('GET /token'))).toEqual([
      'GET /token?service=docker-registry&scope=repository%3Aacme%2Fapp%3Apull%2Cpush%2Cdelete',
    ])
    expect(registry.asked.at(-1)).toBe('GET /v2/acme/app/manifests/probe')
  })

  it('counts a layer that the registry sends from its bucket as pulled', async () => {
    registry.answers.set('GET /v2/acme/app/blobs/', (_, response) =>
      response.writeHead(307, { location: 'https://bucket.example.com' }).end(),
    )
    expect(await outcome()).toContainEqual(['pull', true, undefined])
  })

  it('says with the service’s own sentence why it gets no token', async () => {
    registry.answers.set('GET /token', refusal(401, 'no_rule_matches'))
    expect(await outcome()).toEqual([
      ['push', false, 'a token for repository:acme/app:pull,push,delete is refused: no: no_rule_matches'],
    ])
  })

  it('rests while the registry is being cleaned up', async () => {
    registry.answers.set('GET /token', refusal(401, 'cleaning_up'))
    expect(await outcome()).toBe(PAUSED)
  })

  it.each([
    ['other bytes of the layer', 'GET /v2/acme/app/blobs/', answerJson(200, {}), 'pull', /layer is not the one/],
    ['no layer', 'GET /v2/acme/app/blobs/', answerJson(404, {}), 'pull', /pull of the layer is refused: status 404/],
    ['a deletion that is refused', 'DELETE /v2', answerJson(405, {}), 'delete', /the deletion is refused: status 405/],
  ] as const)('finds %s, and tries the rest', async (_, request, answer, probe, problem) => {
    const { answers } = registry
    registry.answers.delete(request)
    const others = [...answers]
    answers.clear()
    answers.set(request, answer)
    for (const [key, value] of others) answers.set(key, value)
    expect(await outcome()).toContainEqual([probe, false, expect.stringMatching(problem)])
    expect(registry.asked.some((line) => line.startsWith('DELETE '))).toBe(true)
  })

  it('finds an image that outlives its deletion', async () => {
    registry.answers.set(`DELETE /v2/acme/app/manifests/${image.digest}`, (_, response) =>
      response.writeHead(202).end(),
    )
    expect(await outcome()).toContainEqual(['delete', false, expect.stringMatching(/still there .*expected 404/)])
  })

  it('does not push where the storage fails', async () => {
    registry.answers.set('POST /v2/acme/app/blobs', unusable)
    expect(await outcome()).toEqual([['push', false, 'the upload is refused: status 500']])
  })
})

describe('the prober that has no rule', () => {
  const outcome = async () => {
    const { results, admitted } = await probeAsStranger({ ...target, readToken: async () => 'stranger' })
    return [admitted, ...(results === PAUSED ? [PAUSED] : results.map(({ ok }) => ok))]
  }
  const giveToken = () => registry.answers.set('GET /token', answerJson(200, { token: 'registry-token' }))

  it('is well where it gets no token', async () => {
    expect(await outcome()).toEqual([false, true])
    expect(registry.asked.filter((line) => line.includes('/v2/'))).toEqual([])
  })

  it('is well where its token opens nothing', async () => {
    giveToken()
    registry.answers.set('PUT /v2/acme/app/manifests/none', refusal(401, 'DENIED'))
    expect(await outcome()).toEqual([false, true])
  })

  it('cries where only its manifest is wrong', async () => {
    giveToken()
    registry.answers.set('PUT /v2/acme/app/manifests/none', answerJson(400, {}))
    expect(await outcome()).toEqual([true, false])
  })

  it.each([
    ['the token service fails', 'GET /token', unusable],
    ['authentik does not answer', 'GET /token', refusal(503, 'upstream_timeout')],
    ['the registry fails', 'PUT /v2/acme/app/manifests/none', unusable],
  ])('knows nothing where %s', async (_, request, answer) => {
    giveToken()
    registry.answers.set(request, answer)
    expect(await outcome()).toEqual([undefined, false])
  })

  it('knows nothing during a clean-up, which refuses everyone', async () => {
    registry.answers.set('GET /token', refusal(401, 'cleaning_up'))
    expect(await outcome()).toEqual([undefined, PAUSED])
  })
})

describe('the metrics', () => {
  it('say of each probe whether it succeeded, how long it took, and when it last did', async () => {
    const metrics = createProberMetrics(['push', 'pull', 'delete'])
    metrics.record([{ probe: 'push', ok: true, seconds: 0.5 }], 1_700_000_000_900)
    metrics.record([{ probe: 'push', ok: false, seconds: 2 }], 1_700_000_060_000)
    const page = await metrics.page()
    expect(page).toContain('registry_probe_success{probe="push"} 0\n')
    expect(page).toContain('registry_probe_duration_seconds{probe="push"} 2\n')
    expect(page).toContain('registry_probe_last_success_timestamp_seconds{probe="push"} 1700000000\n')
    expect(page).not.toContain('registry_probe_success{probe="pull"}')
    expect(page).not.toContain('stranger')
  })

  it('stay as they were during a clean-up, and say so', async () => {
    const metrics = createProberMetrics(['push', 'pull', 'delete'])
    metrics.record([{ probe: 'push', ok: true, seconds: 1 }], 0)
    metrics.record(PAUSED, 0)
    expect(await metrics.page()).toContain('registry_probe_paused 1\n')
    expect(await metrics.page()).toContain('registry_probe_success{probe="push"} 1\n')
  })

  it('keep what is known of the stranger while nothing is', async () => {
    const metrics = createProberMetrics(['stranger'])
    metrics.stranger(true)
    metrics.stranger(undefined)
    expect(await metrics.page()).toContain('registry_probe_stranger_admitted 1\n')
    metrics.stranger(false)
    expect(await metrics.page()).toContain('registry_probe_stranger_admitted 0\n')
  })
})

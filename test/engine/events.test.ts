/** Events of a real registry, on their whole way: job, token, notification, stream and URL. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CloudEvent } from '../../events/cloud-event.ts'
import { LAME_DUCK_SECONDS } from '../../infra/kubernetes/availability.ts'
import { githubClaims } from '../../local/issuers/github.ts'
import { type EventsProcess, type EventsUrl, eventsBundle, startEventsUrl } from '../events-process.ts'
import { crane } from './crane.ts'
import { type PushPath, startPushPath } from './push-path.ts'
import { startBareRegistry } from './registry-process.ts'
import { skopeoCopy } from './skopeo.ts'

/** An event is there so long after what it tells of. */
const LATE_MS = 2_000
const job = { repository: 'acme/app', ref: 'refs/heads/main' }
const rules = [
  { github: { owners: [{ name: 'acme', id: '501' }] } },
  { source: 'github', claims: { repository: 'acme/app' }, delete: 'acme/app' },
]

let bundle: Awaited<ReturnType<typeof eventsBundle>>
beforeAll(async () => {
  bundle = await eventsBundle()
})
afterAll(() => bundle[Symbol.asyncDispose]())

const types = (events: readonly CloudEvent[]) =>
  events.map(({ type, data }) => `${type.replace('dev.passwordless-registry.image.', '')} ${data.tag ?? 'by digest'}`)
const once = (events: readonly CloudEvent[]) => [...new Map(events.map((event) => [event.id, event])).values()]

describe('who pushed what', () => {
  let path: PushPath
  let url: EventsUrl
  let events: EventsProcess
  let env: Record<string, string>

  beforeAll(async () => {
    url = await startEventsUrl()
    env = { EVENTS_URL: url.url, EVENTS_TOKEN: 'token-of-the-siem' }
    events = await bundle.start(env)
    path = await startPushPath(rules, 60_000, undefined, events.port)
  })
  afterAll(async () => {
    await path?.[Symbol.asyncDispose]()
    await events[Symbol.asyncDispose]()
    await url[Symbol.asyncDispose]()
  })

  const push = async (tag: string) =>
    skopeoCopy(`oci:${path.image}:latest`, `docker://${path.host}/acme/app:${tag}`, await path.login(job))
  /** What the program wrote before its last restart, and since. */
  let before: CloudEvent[] = []
  const stream = () => [...before, ...events.stream()]

  it('is one event for each push, pull by tag and deletion, with the job, its page and its rules', async () => {
    expect(await push('v1')).toEqual({ code: 0, message: '' })
    await expect.poll(() => types(stream()), { timeout: LATE_MS }).toEqual(['pushed v1'])
    const { repository, run_id, check_run_id } = githubClaims(job)
    expect(stream()[0]).toMatchObject({
      source: 'https://registry.example.com',
      subject: 'acme/app:v1',
      data: {
        ...{ repository: 'acme/app', tag: 'v1', digest: expect.stringMatching(/^sha256:/), size: expect.any(Number) },
        actor: `github:acme/app@refs/heads/main#${run_id}/${check_run_id};rules=1,2`,
        ...{ platform: 'github', source: 'github', subject: 'acme/app', ref: 'refs/heads/main', run: run_id },
        runUrl: `https://github.com/${repository}/actions/runs/${run_id}/job/${check_run_id}`,
        rules: [1, 2],
        request: { method: 'PUT', agent: expect.stringContaining('skopeo') },
      },
    })
    const login = await path.login(job)
    const reference = `${path.host}/acme/app`
    expect(await crane(['pull', `${reference}:v1`, join(path.dir, 'pulled.tar')], login)).toMatchObject({ code: 0 })
    await expect.poll(() => types(stream()).length, { timeout: LATE_MS }).toBeGreaterThan(1)
    const { digest } = stream()[0]?.data ?? {}
    expect(await crane(['delete', `${reference}@${digest}`], login)).toMatchObject({ code: 0 })
    // A client may pull a manifest twice.
    const all = new Set(['pushed v1', 'pulled v1', 'deleted by digest', 'deleted v1'])
    await expect.poll(() => new Set(types(stream())), { timeout: LATE_MS }).toEqual(all)
    expect(types(stream()).filter((type) => type.startsWith('pushed'))).toEqual(['pushed v1'])
    expect(stream().every(({ data }) => data.run === run_id)).toBe(true)
    expect(path.registry.output()).toContain('"auth.user.name":"github:acme/app@refs/heads/main#')
  })

  it('gets to the URL as well, the same', async () => {
    const sent = () => url.received.map(({ event }) => event)
    await expect.poll(() => sent().length, { timeout: LATE_MS }).toBe(stream().length)
    expect(sent()).toEqual(stream())
  })

  it('waits for a URL that takes nothing, and holds up no stream', async () => {
    url.status = 500
    const known = stream().length
    expect((await push('v2')).code).toBe(0)
    await expect.poll(() => stream().length, { timeout: LATE_MS }).toBe(known + 1)
    await expect.poll(() => url.received.length, { timeout: 10_000 }).toBeGreaterThan(known + 1)
    url.status = 200
    const taken = url.received.length
    await expect.poll(() => url.received.length, { timeout: 10_000 }).toBeGreaterThan(taken)
    expect(new Set(url.received.map(({ event }) => event.id)).size).toBe(known + 1)
  })

  it('survives that the program is killed, without a loss', async () => {
    const known = once(stream()).length
    before = stream()
    await events.stop('SIGKILL')
    for (const tag of ['v3', 'v4', 'v5']) expect((await push(tag)).code).toBe(0)
    events = await bundle.start({ ...env, PORT: String(events.port) })
    await expect.poll(() => once(stream()).length, { timeout: LATE_MS + 5_000 }).toBe(known + 3)
    expect(types(once(stream())).slice(-3)).toEqual(['pushed v3', 'pushed v4', 'pushed v5'])
    const sent = () => new Set(url.received.map(({ event }) => event.id)).size
    await expect.poll(sent, { timeout: 10_000 }).toBe(known + 3)
  })
})

describe('what the end of a registry loses', () => {
  const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
  const config = '{}'
  const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: config.length },
    layers: [],
  })
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'events-lost-'))
  })
  afterAll(() => rm(dir, { recursive: true }))

  const pushTag = async (host: string, tag: string) => {
    const of = `http://${host}/v2/acme/app`
    if (!(await fetch(`${of}/blobs/${digest}`, { method: 'HEAD' })).ok) {
      const begun = await fetch(`${of}/blobs/uploads/`, { method: 'POST' })
      const upload = new URL(begun.headers.get('location') ?? '', of)
      upload.searchParams.set('digest', digest)
      expect((await fetch(upload, { method: 'PUT', body: config })).status).toBe(201)
    }
    const headers = { 'content-type': MANIFEST }
    expect((await fetch(`${of}/manifests/${tag}`, { method: 'PUT', body: manifest, headers })).status).toBe(201)
  }

  it('is at most what was pushed in the last moment, where it is asked to end', async () => {
    await using events = await bundle.start()
    const tags: string[] = []
    const rounds = 10
    for (let round = 0; round < rounds; round++) {
      const registry = await startBareRegistry(dir, events.port)
      for (const tag of [`first-${round}`, `last-${round}`]) {
        await pushTag(registry.host, tag)
        tags.push(tag)
      }
      await registry.close()
    }
    const seen = new Set(events.stream().map(({ data }) => data.tag))
    const lost = tags.filter((tag) => !seen.has(tag))
    // Measured: 2 of 120, both answered right before.
    expect(lost.length).toBeLessThan(rounds / 2)
  })

  it('is nothing, as its pod goes on for some seconds more: by then all is written', async () => {
    await using events = await bundle.start()
    const registry = await startBareRegistry(dir, events.port)
    const seen = () => new Set(events.stream().map(({ data }) => data.tag))
    await pushTag(registry.host, 'before')
    const tags = Array.from({ length: 200 }, (_, index) => `at-once-${index}`)
    await Promise.all(tags.map((tag) => pushTag(registry.host, tag)))
    // Measured: 0.3 s after the last answer, on a busy machine.
    const timeout = LAME_DUCK_SECONDS * 1000
    await expect.poll(() => tags.filter((tag) => !seen().has(tag)), { timeout, interval: 10 }).toEqual([])
    await registry.close()
    expect(await events.stop('SIGTERM')).toBe(0)
    expect(events.stream()).toHaveLength(tags.length + 1)
  })

  it('is all that waits, where it is killed while nothing takes it', async () => {
    const events = await bundle.start()
    await events.stop('SIGKILL')
    const registry = await startBareRegistry(dir, events.port)
    for (const tag of ['a', 'b', 'c']) await pushTag(registry.host, tag)
    await registry.kill()
    await using again = await bundle.start({ PORT: String(events.port) })
    const next = await startBareRegistry(dir, again.port)
    await pushTag(next.host, 'd')
    await expect.poll(() => types(again.stream())).toEqual(['pushed d'])
    await next.close()
  })
})

/** The program as a process: what it writes, what the URL gets, and what it says to the registry when that fails. */
import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type EventsProcess,
  type EventsUrl,
  eventsBundle,
  type StartEvents,
  startEventsUrl,
} from '../test/events-process.ts'
import { limits } from './limits.ts'
import { ACTOR, envelope, notification } from './notification.fixture.ts'

const TOKEN = 'token-of-the-siem-4711'

let bundle: Awaited<ReturnType<typeof eventsBundle>>
beforeAll(async () => {
  bundle = await eventsBundle()
})
afterAll(() => bundle[Symbol.asyncDispose]())

const start: StartEvents = (env, limits) => bundle.start(env, limits)
const post = async (to: EventsProcess, path: string, body: string) =>
  (await fetch(to.url + path, { method: 'POST', body })).status

describe('the stream', () => {
  it('has each event once it is acknowledged, and nothing else', async () => {
    await using events = await start()
    expect(await post(events, '/stream', envelope(notification()))).toBe(204)
    expect(await post(events, '/stream', envelope(notification({ action: 'pull', target: { tag: '' } })))).toBe(204)
    expect(await events.stop('SIGTERM')).toBe(0)
    expect(events.stream()).toMatchObject([{ specversion: '1.0', data: { actor: ACTOR } }])
  })

  it('has the same id when an event is sent again', async () => {
    await using events = await start()
    for (let time = 0; time < 2; time++) await post(events, '/stream', envelope(notification()))
    await events.stop('SIGTERM')
    expect(new Set(events.stream().map(({ id }) => id)).size).toBe(1)
    expect(events.stream()).toHaveLength(2)
  })

  it.each([
    ['nonsense', 'not JSON'],
    ['more than it takes', envelope(notification({ request: { useragent: 'x'.repeat(40_000) } }))],
  ])('is not held up by %s: the log tells, and the registry forgets it', async (_, body) => {
    await using events = await start({}, { notificationBytes: 20_000 })
    expect(await post(events, '/stream', body)).toBe(202)
    expect(await post(events, '/stream', envelope(notification()))).toBe(204)
    await events.stop('SIGTERM')
    expect(events.stream()).toHaveLength(1)
    expect(events.log()).toMatch(/"bytes":\d+,"msg":"dropped a notification that cannot be read/)
    expect(events.log()).not.toContain('xxx')
  })

  it('takes what a client with the longest headers did', async () => {
    await using events = await start()
    const useragent = '<'.repeat(1024 * 1024)
    const body = envelope(notification({ request: { useragent } })).replaceAll('<', '\\u003c')
    expect(await post(events, '/stream', body)).toBe(204)
    await events.stop('SIGTERM')
    expect(events.stream()).toHaveLength(1)
  })

  it('is where the registry sends to, by POST alone; without a URL there is no other place', async () => {
    await using events = await start()
    expect((await fetch(`${events.url}/stream`)).status).toBe(405)
    expect(await post(events, '/url', envelope(notification()))).toBe(404)
    expect(await post(events, '/', envelope(notification()))).toBe(404)
  })
})

describe('the URL', () => {
  let url: EventsUrl
  beforeEach(async () => {
    url = await startEventsUrl()
    return () => url[Symbol.asyncDispose]()
  })
  const started = (limits = {}) => start({ EVENTS_URL: url.url, EVENTS_TOKEN: TOKEN }, limits)

  it('gets the event, with the token that the log does not have', async () => {
    await using events = await started()
    expect(await post(events, '/url', envelope(notification()))).toBe(204)
    expect(url.received).toMatchObject([
      {
        event: { id: notification().id, data: { repository: 'acme/app' } },
        headers: { 'content-type': 'application/cloudevents+json; charset=utf-8', authorization: `Bearer ${TOKEN}` },
      },
    ])
    url.status = 500
    await post(events, '/url', envelope(notification({ timestamp: new Date().toISOString() })))
    await events.stop('SIGTERM')
    expect(events.stream()).toEqual([])
    expect(events.log()).toContain('the URL takes no events')
    expect(events.log()).not.toContain(TOKEN)
    expect(events.log()).not.toContain(url.url)
  })

  it.each([[500], [429], [401], [302], [undefined]])('that answers %s gets it again later', async (status) => {
    await using events = await started({ forwardMs: 200 })
    url.status = status
    const time = new Date().toISOString()
    expect(await post(events, '/url', envelope(notification({ timestamp: time })))).toBe(503)
    url.status = 200
    expect(await post(events, '/url', envelope(notification({ timestamp: time })))).toBe(204)
    expect(new Set(url.received.map(({ event }) => event.id)).size).toBe(1)
    expect(url.received).toHaveLength(2)
    await events.stop('SIGTERM')
    expect(events.log()).toContain('the URL takes events again')
  })

  it('that is not there gets it later, and holds up no stream', async () => {
    await url[Symbol.asyncDispose]()
    await using events = await started()
    const time = new Date().toISOString()
    expect(await post(events, '/url', envelope(notification({ timestamp: time })))).toBe(503)
    expect(await post(events, '/stream', envelope(notification({ timestamp: time })))).toBe(204)
    await events.stop('SIGTERM')
    expect(events.log()).toContain('"cause":"ECONNREFUSED"')
    url = await startEventsUrl()
  })

  it.each([[400], [413], [422]])('that refuses it for good with %s does not get it again', async (status) => {
    await using events = await started()
    url.status = status
    expect(await post(events, '/url', envelope(notification()))).toBe(202)
    await events.stop('SIGTERM')
    expect(events.log()).toContain('the URL refuses this event for good')
  })

  it('does not get an event for longer than the registry may keep it', async () => {
    await using events = await started({ forwardAgeMs: 60_000 })
    url.status = 503
    const [recent, old] = [1_000, 61_000].map((ms) => new Date(Date.now() - ms).toISOString())
    expect(await post(events, '/url', envelope(notification({ timestamp: recent })))).toBe(503)
    expect(await post(events, '/url', envelope(notification({ timestamp: old })))).toBe(202)
    await events.stop('SIGTERM')
    expect(events.log()).toContain('the URL has not taken this event in time')
  })

  it('that has not answered when the process ends leaves the event with the registry', async () => {
    await using events = await started()
    url.status = undefined
    const asked = post(events, '/url', envelope(notification())).catch(() => 'broken off')
    await expect.poll(() => url.received.length).toBe(1)
    await events.stop('SIGKILL')
    expect(await asked).toBe('broken off')
  })
})

describe('at SIGTERM', () => {
  /** Once it has heard the signal it takes no connection any more. */
  const heard = ({ port }: EventsProcess) =>
    expect
      .poll(async () => {
        const socket = connect(port, '127.0.0.1')
        const outcome = once(socket, 'connect').then(
          () => 'open',
          () => 'closed',
        )
        return outcome.finally(() => socket.destroy())
      })
      .toBe('closed')
  /** On a connection that ends with the answer, as those of a registry do that has ended. @returns the answer's status */
  const begin = (to: EventsProcess, path: string, body: string, sent = body.length) => {
    const headers = { 'content-length': Buffer.byteLength(body) }
    const request = http.request(to.url + path, { method: 'POST', headers, agent: false })
    const answered = once(request, 'response').then(([{ statusCode }]) => statusCode)
    request.write(body.slice(0, sent))
    const end = () => request.end(body.slice(sent))
    if (sent === body.length) end()
    return { answered, end }
  }
  const event = () => envelope(notification({ timestamp: new Date().toISOString() }))

  it('what the registry has begun to say is written and acknowledged', async () => {
    await using events = await start()
    const half = begin(events, '/stream', event(), 100)
    // Answered after it has the first part of the other.
    expect(await begin(events, '/stream', event()).answered).toBe(204)
    const ended = events.stop('SIGTERM')
    await heard(events)
    half.end()
    expect(await half.answered).toBe(204)
    expect(await ended).toBe(0)
    expect(events.stream()).toHaveLength(2)
  })

  it.each([
    [202, 204],
    [500, 503],
  ])('the registry learns what the URL says, %i: %i', async (status, said) => {
    await using url = await startEventsUrl()
    url.status = undefined
    await using events = await start({ EVENTS_URL: url.url })
    const { answered } = begin(events, '/url', event())
    await expect.poll(() => url.received.length).toBe(1)
    const ended = events.stop('SIGTERM')
    await heard(events)
    url.answer(status)
    expect(await answered).toBe(said)
    expect(await ended).toBe(0)
  })

  it('a URL that says nothing holds it up no longer than for one answer: the registry keeps the event', async () => {
    expect(limits.drainMs).toBeGreaterThan(limits.forwardMs)
    await using url = await startEventsUrl()
    url.status = undefined
    await using events = await start({ EVENTS_URL: url.url }, { forwardMs: 500, drainMs: 60_000 })
    const { answered } = begin(events, '/url', event())
    await expect.poll(() => url.received.length).toBe(1)
    expect(await events.stop('SIGTERM')).toBe(0)
    expect(await answered).toBe(503)
  })
})

it('does not start with a wrong environment, and repeats no value of it', async () => {
  await expect(start({ EVENTS_URL: `nowhere-${TOKEN}` })).rejects.toThrow(/EVENTS_URL is not an http\(s\) URL/)
  await expect(start({ EVENTS_URL: `nowhere-${TOKEN}` })).rejects.not.toThrow(TOKEN)
})

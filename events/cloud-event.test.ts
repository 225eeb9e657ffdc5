import { describe, expect, it } from 'vitest'
import { cloudEvent } from './cloud-event.ts'
import { ACTOR, DIGEST, envelope, notification } from './notification.fixture.ts'
import { readNotifications } from './notification.ts'

const context = {
  registryUrl: 'https://registry.example.com',
  sources: [{ slug: 'github', platform: 'github', web: 'https://github.com' }],
} as const

/** The event of a notification, on the way that it takes. */
function eventOf(changes: Parameters<typeof notification>[0] = {}) {
  const [read] = readNotifications(envelope(notification(changes)), 100) ?? []
  if (read === undefined) throw new Error('it cannot be read')
  return cloudEvent(read, context)
}

describe('cloudEvent', () => {
  it('of a push has all that is known', () => {
    expect(eventOf()).toEqual({
      specversion: '1.0',
      id: '6c1f2c2f-3a0c-4b0a-9f55-0c1a7b1a7f10',
      source: 'https://registry.example.com',
      type: 'dev.passwordless-registry.image.pushed',
      subject: 'acme/app:v1',
      time: '2026-11-26T22:11:08.123Z',
      datacontenttype: 'application/json',
      data: {
        repository: 'acme/app',
        tag: 'v1',
        digest: DIGEST,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        size: 424,
        actor: ACTOR,
        platform: 'github',
        source: 'github',
        subject: 'acme/app',
        ref: 'refs/heads/main',
        run: '42',
        job: '4711',
        runUrl: 'https://github.com/acme/app/actions/runs/42/job/4711',
        rules: [1],
        request: { id: '0d3a1b9c-6f0e-4a64-8e4b-b0d1f3c5a7e9', method: 'PUT', agent: 'docker/28.2' },
        instance: { address: 'registry-7d9f:5000', id: 'b2f0f6f8-4f1c-4f2c-8d0b-6d2e8a0f9c11' },
      },
    })
  })

  it('of a pull is there by tag alone', () => {
    expect(eventOf({ action: 'pull' })).toMatchObject({ type: 'dev.passwordless-registry.image.pulled' })
    expect(eventOf({ action: 'pull', target: { tag: undefined } })).toBeUndefined()
  })

  it('of a deletion names tag or digest', () => {
    const gone = { mediaType: undefined, size: undefined, length: undefined, url: undefined }
    const byTag = eventOf({ action: 'delete', target: { ...gone, digest: undefined } })
    expect(byTag).toMatchObject({ type: 'dev.passwordless-registry.image.deleted', subject: 'acme/app:v1' })
    expect(byTag?.data).not.toHaveProperty('digest')
    expect(byTag?.data).not.toHaveProperty('size')
    expect(eventOf({ action: 'delete', target: { ...gone, tag: undefined } })?.subject).toBe(`acme/app@${DIGEST}`)
  })

  it.each([
    ['a layer', { target: { mediaType: 'application/octet-stream' } }],
    ['a layer that is mounted', { action: 'mount' }],
    ['what a later registry may do', { action: 'constructor' }],
  ])('there is none of %s', (_, changes) => {
    expect(eventOf(changes)).toBeUndefined()
  })

  it('cuts what the client chose, and keeps a line a line', () => {
    const agent = `line\n"${'\u2028'}\u0000${'x'.repeat(1_000_000)}`
    const event = eventOf({ request: { useragent: agent }, target: { mediaType: 'm'.repeat(10_000) } })
    const line = JSON.stringify(event)
    for (const control of ['\n', '\u0000']) expect(line).not.toContain(control)
    expect(line.length).toBeLessThan(2_500)
    expect(event?.data.request.agent).toMatch(/x…$/)
  })
})

describe('readNotifications', () => {
  it.each([
    ['not JSON', 'nonsense'],
    ['no list', '{"events":{}}'],
    ['nothing', 'null'],
    ['too many', envelope(...Array.from({ length: 101 }, () => notification()))],
    ['without an id', envelope(notification({ id: '' }))],
    ['a number as id', envelope(notification({ id: 7 }))],
    ['a time that is none', envelope(notification({ timestamp: 'yesterday' }))],
    ['without a repository', envelope(notification({ target: { repository: '' } }))],
    ['a repository that is too long', envelope(notification({ target: { repository: 'a'.repeat(256) } }))],
    ['a negative size', envelope(notification({ target: { size: -1 } }))],
  ])('does not take %s', (_, body) => {
    expect(readNotifications(body, 100)).toBeUndefined()
  })

  it('takes what Go leaves out, and ignores what it does not know', () => {
    const { id, timestamp } = notification()
    const bare = { id, timestamp, action: 'push', target: { repository: 'acme/app' }, later: 1 }
    expect(readNotifications(envelope(bare), 100)).toHaveLength(1)
    expect(readNotifications('{"events":[]}', 100)).toEqual([])
  })
})

/** A clean-up of the registry: pushes are refused as long as it is announced, and not a moment longer. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ci, useTokenService } from '../test/token-service-suite.ts'
import { watchCleanUp } from './decision/clean-up.ts'
import { limits } from './limits.ts'

const suite = useTokenService({ started: false })
const HOUR_MS = 60 * 60 * 1000
const METRIC = 'token_service_clean_up_end_timestamp_seconds'

let dir: string
let file: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'clean-up-'))
  file = join(dir, 'announcement')
})
afterEach(() => rm(dir, { recursive: true }))

const start = () => suite.start({ CLEAN_UP_FILE: file }, { cleanUpPollMs: 20 })
type Service = Awaited<ReturnType<typeof start>>

/** Replaces it whole, as the kubelet does. */
async function announce(text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}
const untilIn = (ms: number) => new Date(Math.ceil((Date.now() + ms) / 1000) * 1000)
const asText = (until: Date) => JSON.stringify({ until: until.toISOString() })
const ask = (scopes: string, at: Service) => suite.ask(ci, { query: `service=docker-registry&${scopes}`, at })
async function watched(now: () => number) {
  const cleanUp = await watchCleanUp(file, limits, pino({ level: 'silent' }), now)
  return { ...cleanUp, [Symbol.asyncDispose]: async () => cleanUp.close() }
}
const seen = (seconds: number, at: Service) =>
  vi.waitFor(async () => expect((await suite.metrics(at))(METRIC)).toBe(seconds), { timeout: 20_000 })

const PUSH = 'scope=repository:acme/app:pull,push'

it('refuses every push with the time, also one whose token is remembered, and lets pulls and deletions go on', async () => {
  const at = await start()
  for (let time = 0; time < 3; time++) expect((await ask(PUSH, at)).status).toBe(200)
  const until = untilIn(HOUR_MS)
  await announce(asText(until))
  await seen(until.getTime() / 1000, at)

  const sentence = `the registry is being cleaned up until about ${until.toISOString().slice(11, 16)} UTC; push again then`
  for (const scopes of [PUSH, 'scope=repository:acme/app:*', `scope=repository:acme/base:pull&${PUSH}`]) {
    const { status, error } = await ask(scopes, at)
    expect([status, error?.detail.reason], scopes).toEqual([401, 'cleaning_up'])
    expect(error?.message).toContain(sentence)
  }
  for (const scopes of ['scope=repository:acme/app:pull', 'scope=repository:acme/app:pull,delete', '']) {
    expect((await ask(scopes, at)).status, scopes).toBe(200)
  }
  expect(at.audit().find(({ reason }) => reason === 'cleaning_up')).toMatchObject({ outcome: 'refused', status: 401 })

  await announce('')
  await seen(0, at)
  expect((await ask(PUSH, at)).status).toBe(200)
})

it('knows of a clean-up from the start, and takes pushes when its time is over, whatever the file says', async () => {
  const until = untilIn(HOUR_MS)
  await announce(asText(until))
  let now = until.getTime() - 1
  await using cleanUp = await watched(() => now)
  expect(cleanUp.untilMs()).toBe(until.getTime())
  now += 1
  expect(cleanUp.untilMs()).toBeUndefined()
})

it.each([
  ['a day and more ahead', () => asText(untilIn(25 * HOUR_MS))],
  ['a time that is over', () => asText(untilIn(-HOUR_MS))],
  ['no time', () => '{"until": "tomorrow"}'],
  ['half a file', () => '{"unt'],
  ['too much', () => asText(untilIn(HOUR_MS)).padEnd(5_000)],
])('takes pushes where the file says %s', async (_, text) => {
  await announce(text())
  const at = await start()
  expect((await ask(PUSH, at)).status).toBe(200)
  expect((await suite.metrics(at))(METRIC)).toBe(0)
})

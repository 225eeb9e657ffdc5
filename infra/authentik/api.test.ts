import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { authentikApi } from './api.ts'
import { type FakeAuthentik, json, list, startFakeAuthentik } from './authentik-api.fixture.ts'

const TOKEN = 'of-an-administrator'

let fake: FakeAuthentik
beforeAll(async () => {
  fake = await startFakeAuthentik()
})
beforeEach(() => fake.reset())
afterAll(() => fake[Symbol.asyncDispose]())

const api = () => authentikApi({ url: `${fake.url}/`, token: TOKEN })

/** The sentence that a failure makes. */
async function problem(work: () => Promise<unknown>): Promise<string> {
  const error = await work().then(
    () => new Error('no problem'),
    (failed: Error) => failed,
  )
  expect(error.constructor.name).toBe('AuthentikProblem')
  expect(error.message).not.toContain(TOKEN)
  expect(error.message).not.toContain('\n')
  return error.message
}

describe('a question', () => {
  it('asks for exactly what the filters say, with the token', async () => {
    fake.answers['core/groups'] = list({ pk: 'p' })
    expect(await api().list('core/groups', { name: 'a&b', order: '0' })).toEqual([{ pk: 'p' }])
    expect(fake.asked).toEqual([`GET /api/v3/core/groups/?name=a%26b&order=0 Bearer ${TOKEN}`])
  })

  it('sends the headers that the provider sends', async () => {
    let sent: unknown
    fake.answers['core/groups'] = ({ headers }, response, query) => {
      sent = headers['x-pass']
      list()({ headers } as never, response, query)
    }
    await authentikApi({ url: fake.url, token: TOKEN, headers: { 'X-Pass': 'yes' } }).list('core/groups', {})
    expect(sent).toBe('yes')
  })
})

describe('an answer that is of no use', () => {
  const ask = () => api().list('x', {})

  it.each([
    [
      json({ detail: 'Token invalid/expired' }, 403),
      /refuses the API token \(403: Token invalid\/expired\).*--secret authentik:token/,
    ],
    [json({}, 401), /refuses the API token \(401\)/],
    [json({ detail: 'Not found.' }, 404), /is not authentik's API: .*\/api\/v3\/x\/, got 404/],
    [json({ pagination: {} }), /JSON without a list/],
    [json({ results: ['text'] }), /JSON without a list/],
    [json(null), /JSON without a list/],
    [json({ detail: 'starting' }, 503), /answers 503 .*starting/],
  ])('%#', async (answer, sentence) => {
    fake.answers.x = answer
    expect(await problem(ask)).toMatch(sentence)
  })

  it('says what a page of something else says, in few words and without control characters', async () => {
    fake.answers.x = (_, response) => response.end(`<html>\u001b[31m${'nginx '.repeat(1000)}`)
    const sentence = await problem(ask)
    expect(sentence).toContain('got 200 (<html> [31mnginx nginx')
    expect(sentence.length).toBeLessThan(400)
  })

  it('names where a redirect leads to, and follows none', async () => {
    fake.answers.x = (_, response) => response.writeHead(302, { location: 'https://login.example.com/?secret=1' }).end()
    expect(await problem(ask)).toMatch(/redirects to https:\/\/login\.example\.com\. /)
  })

  it('reads no more than it needs', async () => {
    fake.answers.x = (_, response) => {
      const more = () => response.write('x'.repeat(65536), () => response.destroyed || setImmediate(more))
      more()
    }
    expect(await problem(ask)).toMatch(/is not authentik: its answer has more than 1048576 bytes/)
  })

  it('waits for ten seconds, also where an answer only trickles in', { timeout: 20_000 }, async () => {
    fake.answers.x = (_, response) => {
      const timer = setInterval(() => response.write(' '), 100)
      response.on('close', () => clearInterval(timer))
    }
    fake.answers.silent = () => {}
    const sentences = await Promise.all([problem(ask), problem(() => api().list('silent', {}))])
    for (const sentence of sentences)
      expect(sentence).toMatch(/cannot be reached at .*: no answer within 10 s\. Is auth/)
  })

  it('says where nothing listens', async () => {
    const closed = authentikApi({ url: 'http://127.0.0.1:1', token: TOKEN })
    expect(await problem(() => closed.get('x'))).toMatch(/cannot be reached at http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/)
  })

  it('and where no name leads', async () => {
    const nowhere = authentikApi({ url: 'http://authentik.invalid', token: TOKEN })
    expect(await problem(() => nowhere.get('x'))).toMatch(/cannot be reached at http:\/\/authentik\.invalid: /)
  })
})

describe('an access that cannot be used', () => {
  it.each(['', 'authentik.example.com', 'file:///etc', 'ftp://a'])('the URL %j', async (url) => {
    expect(await problem(async () => authentikApi({ url, token: TOKEN }))).toMatch(/authentik:url .*expected the http/)
  })

  it('shows neither user nor password of a URL', async () => {
    const { get } = authentikApi({ url: 'http://user:hidden@127.0.0.1:1/?key=hidden', token: TOKEN })
    expect(await problem(() => get('x'))).not.toMatch(/hidden|user/)
  })

  it.each(['', 'two\nlines', 'spa ce', 'ümlaut'])('the token %j', async (token) => {
    const sentence = await problem(async () => authentikApi({ url: fake.url, token }))
    expect(sentence).toMatch(/API token of authentik .*--secret authentik:token/)
    if (token !== '') expect(sentence).not.toContain(token)
  })
})

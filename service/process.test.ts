import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ci, secrets, useTokenService } from '../test/token-service-suite.ts'

const suite = useTokenService()

describe('the process', () => {
  it('does not start with a wrong environment, and says all that is wrong', async () => {
    const { code, output } = await suite.run({
      TOKEN_URL: 'nowhere',
      ANON_PASSWORD: secrets.anonymousPassword,
      LOG_LEVEL: 'loud',
    })
    expect(code).toBe(1)
    expect(
      output
        .split('\n')
        .slice(1, -1)
        .map((line) => line.trim().split(' ')[0]),
    ).toEqual(['TOKEN_URL', 'CLIENT_ID', 'SCOPE', 'LOG_LEVEL', 'ANON_USERNAME'])
  })

  it('says when its port is taken', async () => {
    const taken = new URL(suite.service.url).host
    const env = { TOKEN_URL: suite.upstream.url, CLIENT_ID: 'c', SCOPE: 's', LISTEN: taken }
    const { code, output } = await suite.run(env)
    expect(code).toBe(1)
    expect(output).toMatch(/EADDRINUSE.*cannot listen: another process has this port/)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s finishes what is under way, takes nothing new, and ends with 0',
    async (signal) => {
      const usual = suite.upstream.answer
      const arrived = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      suite.upstream.answer = async (request, response) => {
        arrived.resolve()
        await release.promise
        usual(request, response)
      }
      const idle = connect(Number(new URL(suite.service.url).port), '127.0.0.1')
      idle.write('GET /live HTTP/1.1\r\nhost: a\r\n\r\n')
      await once(idle, 'data')

      const slow = suite.ask(ci)
      await arrived.promise
      suite.service.signal(signal)
      await once(idle, 'close')
      await expect(fetch(`${suite.service.url}/live`)).rejects.toThrow()
      release.resolve()

      const { response } = await slow
      expect(response.status).toBe(200)
      expect(response.headers.get('connection')).toBe('close')
      expect(await suite.service.exited).toBe(0)
    },
  )

  it('cuts off what is not finished within the grace time', async () => {
    suite.upstream.answer = () => {}
    const hasty = await suite.start({}, { drainMs: 200 })
    const cut = suite.ask(ci, { at: hasty }).catch(() => 'cut off')
    while (suite.upstream.received.length === 0) await sleep(10)
    hasty.signal('SIGTERM')
    expect(await hasty.exited).toBe(0)
    expect(await cut).toBe('cut off')
    expect(hasty.output()).toContain('cut off what was still under way')
  })

  it('warns of variables that have no effect', async () => {
    const migrated = await suite.start({
      ...{ ANON_KUBE_JWT: '1', ANON_REPOSITORIES: '**' },
      ...{ ANON_USERNAME: 'guest', ANON_PASSWORD: secrets.anonymousPassword },
    })
    expect((await suite.ask(ci, { at: migrated })).status).toBe(200)
    await suite.stop(migrated)
    expect(migrated.output()).toContain('ANON_USERNAME and ANON_PASSWORD have no effect')
  })

  it('answers what is not HTTP in the same shape, without logging it', async () => {
    const socket = connect(Number(new URL(suite.service.url).port), '127.0.0.1')
    socket.write(`nonsense authorization: ${ci.authorization}\r\n\r\n`)
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*"reason":"request_malformed"/)
  })
})

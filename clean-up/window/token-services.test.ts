import { expect, it } from 'vitest'
import { restingMetrics } from '../../service/operations/metrics.fixture.ts'
import { notYetTold } from './token-services.ts'

const untilMs = Date.UTC(2026, 0, 31, 4)

/** The page of a token service that has seen the announcement. */
const pageOf = (cleanUpUntilMs: number) => restingMetrics({ cleanUpUntilMs: () => cleanUpUntilMs }).page()

it('names those that say another time, nothing, or do not answer', async () => {
  const pages: Record<string, () => Promise<Response>> = {
    'http://10.0.0.1:9002/metrics': async () => new Response(await pageOf(untilMs)),
    'http://10.0.0.2:9002/metrics': async () => new Response('token_service_clean_up_end_timestamp_seconds 0\n'),
    'http://10.0.0.3:9002/metrics': async () => new Response('token_service_ready 1\n'),
    'http://10.0.0.4:9002/metrics': () => Promise.reject(new TypeError('fetch failed')),
  }
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']
  const get = (url: unknown) => pages[String(url)]?.() ?? Promise.reject(new Error(String(url)))
  expect(await notYetTold(addresses, { port: 9002, untilMs }, get as typeof fetch)).toEqual(addresses.slice(1))
})

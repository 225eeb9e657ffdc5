/** Whether every token service has seen the announcement: each is asked for its metrics, at its own address. */
import { lookup } from 'node:dns/promises'
import { isIPv6 } from 'node:net'

/** As the token service calls it (service/operations/metrics.ts). */
const METRIC = /^token_service_clean_up_end_timestamp_seconds (?<seconds>[\d.e+]+)$/m
/** Milliseconds for one of them to answer. */
const ANSWER_MS = 5_000

/** Addresses of a Service without an address of its own: those of all its pods. None while there are none. */
export async function addressesOf(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true }).catch(() => [])
  return found.map(({ address }) => (isIPv6(address) ? `[${address}]` : address))
}

/** @returns the addresses that do not say that they refuse pushes until this time */
export async function notYetTold(
  addresses: readonly string[],
  { port, untilMs }: { port: number; untilMs: number },
  get: typeof fetch = fetch,
): Promise<string[]> {
  const told = await Promise.all(addresses.map((address) => seenBy(`http://${address}:${port}/metrics`, get)))
  return addresses.filter((_, number) => told[number] !== Math.floor(untilMs / 1000))
}

async function seenBy(url: string, get: typeof fetch): Promise<number | undefined> {
  try {
    const response = await get(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    const seconds = METRIC.exec(await response.text())?.groups?.seconds
    return seconds === undefined ? undefined : Number(seconds)
  } catch {
    return undefined
  }
}

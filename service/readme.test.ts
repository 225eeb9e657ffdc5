import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LEEWAY_SECONDS } from '../trust/limits.ts'
import { variables } from './config.ts'
import { disagreements } from './decision/disagreement.ts'
import { failures } from './errors.ts'
import { limits, limitVariable, operatorLimits } from './limits.ts'
import { auditFields, outcomes, revocationOutcomes } from './operations/audit.ts'
import { restingMetrics } from './operations/metrics.fixture.ts'
import { readyProblems } from './operations/readiness.ts'
import { ANSWER_BYTES } from './upstream/post-form.ts'
import { kinds } from './upstream/queues.ts'
import { lookupResults } from './upstream/token-cache.ts'

// The formatter pads table cells; the padding means nothing.
const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8').replace(/ +/g, ' ')

/** The names in the first column of a section's table. */
function documented(section: string): string[] {
  const [, text = ''] = readme.split(`\n## ${section}\n`)
  const rows = text.split('\n## ')[0]?.split('\n') ?? []
  const cells = rows.flatMap((line) => /^\| (`[^|]*`) \|/.exec(line)?.[1] ?? [])
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
}

describe('the README documents, and nothing else,', () => {
  it('every variable', () => {
    expect(documented('Environment').toSorted()).toEqual([...variables].toSorted())
  })

  it('every reason, with the status that it has', () => {
    expect(documented('Failures').toSorted()).toEqual(Object.keys(failures).toSorted())
    for (const [reason, { status }] of Object.entries(failures)) {
      expect(readme).toContain(`| \`${reason}\` | ${status} |`)
    }
  })

  it('every limit that an operator can set, with its default', () => {
    expect(documented('Limits')).toEqual(operatorLimits.map(limitVariable))
    for (const name of operatorLimits) expect(readme).toContain(`| \`${limitVariable(name)}\` | ${limits[name]} |`)
  })

  it('every metric, and every value of its labels', () => {
    const metrics = restingMetrics()
    expect(documented('Metrics').toSorted()).toEqual(metrics.names().toSorted())
    for (const values of [outcomes, revocationOutcomes, lookupResults, disagreements, kinds])
      expect(readme).toContain(`: ${values.join(', ')}`)
  })

  it('every field of the audit log, in its order', () => {
    expect(documented('Audit log')).toEqual(['audit', 'time', ...auditFields])
  })

  it('every problem of /ready', () => {
    for (const problem of readyProblems) expect(readme).toContain(`\`${problem}\``)
  })
})

it('names the limits as they are where it speaks of them', () => {
  const KiB = 1024
  const seconds = (ms: number) => `${ms / 1000} s`
  for (const text of [
    `more than ${limits.credentialBytes / KiB} KiB of credentials`,
    `more than ${limits.headerBytes / KiB} KiB of address and headers`,
    `more than ${limits.bodyBytes / KiB} KiB of body`,
    `half a JSON, more than ${ANSWER_BYTES / KiB} KiB`,
    `the first ${limits.scopeCount} scopes`,
    `or of more than ${limits.scopeLength}`,
    `checked every ${seconds(limits.trustFilePollMs)}`,
    `begins more than ${LEEWAY_SECONDS} s ahead`,
    `(${seconds(limits.drainMs)} at most)`,
    `headers took more than ${seconds(limits.requestHeadersMs)}, or the request more than ${seconds(limits.requestTotalMs)}`,
    `within ${seconds(limits.authentikSilentMs)}`,
    `at most every ${seconds(limits.probeIntervalMs)}`,
    `honoured within ${seconds(limits.cacheMs)} (\`LIMIT_CACHE_MS\`)`,
    `revoked, within ${seconds(limits.sessionCacheMs)}, because no answer`,
    `at most ${60_000 / limits.sessionCacheMs} calls a minute for a`,
    `ended | ${limits.revokedSessions.toLocaleString('en')} |`,
    `or one of more than ${limits.credentialBytes / KiB} KiB | 400`,
    `never past ${seconds(limits.tokenMarginMs)} before the token's end, or ${seconds(limits.credentialMarginMs)} before`,
    `${limits.upstreamFirstConnections} to begin with, ${limits.upstreamConnections} at most`,
    `at most ${limits.upstreamQueue} of each kind wait, and ${limits.clientConnections.toLocaleString('en')} connections`,
    `docker ${seconds(limits.dockerPatienceMs)}, others ${seconds(limits.clientPatienceMs)}`,
    `turned away within ${limits.upstreamTurnAwayMs} ms`,
    `longer than ${limits.upstreamCalmMs} ms`,
    `turned away after ${seconds(limits.slowRefusalMs)}`,
    `more than ${limits.credentialRate} requests a second that the cache cannot answer, of one credential; or more than ${limits.addressRate} of one address`,
    `${seconds(limits.jwksCooldownMs)} at most`,
    `clients are refused at once for ${seconds(limits.breakerOpenMs)}`,
  ]) {
    expect(readme).toContain(text)
  }
  const count = (value: number) => value.toLocaleString('en')
  expect(readme).toContain(`| ${count(limits.cacheEntries)}, and ${limits.cacheBytes / KiB / KiB} MiB |`)
  expect(readme).toContain(`| ${seconds(limits.refusalMs)} | ${count(limits.refusalEntries)} |`)
  expect(limits.refusalSampleMs, 'the README says: once a minute').toBe(60_000)
  expect(limits.breakerFailures, 'the README says: ten failures').toBe(10)
  expect(limits.breakerTimeouts, 'the README says: two').toBe(2)
})

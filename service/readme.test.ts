import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { LEEWAY_SECONDS } from '../trust/limits.ts'
import { variables } from './config.ts'
import { failures } from './errors.ts'
import { limits } from './limits.ts'

// The formatter pads table cells; the padding means nothing.
const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8').replace(/ +/g, ' ')
const firstCells = readme.split('\n').flatMap((line) => /^\| (`[^|]*`) \|/.exec(line)?.[1] ?? [])
const documented = firstCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name))

it('documents every variable and every reason, and nothing else', () => {
  expect(documented.toSorted()).toEqual([...variables, ...Object.keys(failures)].toSorted())
})

it('gives each reason the status that it has', () => {
  for (const [reason, { status }] of Object.entries(failures)) expect(readme).toContain(`| \`${reason}\` | ${status} |`)
})

it('names the limits as they are', () => {
  const KiB = 1024
  expect(readme).toContain(`more than ${limits.credentialBytes / KiB} KiB of credentials`)
  expect(readme).toContain(`more than ${limits.headerBytes / KiB} KiB of address and headers`)
  expect(readme).toContain(`more than ${limits.bodyBytes / KiB} KiB of body`)
  expect(readme).toContain(`half a JSON, more than ${limits.upstreamAnswerBytes / KiB} KiB`)
  expect(readme).toContain(`more than ${limits.scopeCount} scopes`)
  expect(readme).toContain(`or of more than ${limits.scopeLength}`)
  expect(readme).toContain(`looked at every ${limits.trustFilePollMs / 1000} s`)
  expect(limits.refusalSampleMs, 'the README says: once a minute').toBe(60_000)
  expect(readme).toContain(`begins more than ${LEEWAY_SECONDS} s ahead`)
  expect(readme).toContain(`(${limits.drainMs / 1000} s at most)`)
  expect(readme).toContain(
    `headers took more than ${limits.requestHeadersMs / 1000} s, or the request more than ${limits.requestTotalMs / 1000} s`,
  )
})

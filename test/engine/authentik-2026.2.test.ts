/** The tests that bring a stack or the whole path of a push up, once more on the rules of authentik 2026.2. */
import { describe } from 'vitest'
import { RECORDED_VERSION } from '../../local/authentik/version.ts'

process.env.AUTHENTIK_VERSION = RECORDED_VERSION

describe('plugins', async () => {
  await import('./plugins.test.ts')
})
describe('people', async () => {
  await import('./people.test.ts')
})
describe('keys', async () => {
  await import('./keys.test.ts')
})
describe('push', async () => {
  await import('./push.test.ts')
})
describe('trust', async () => {
  await import('./trust.test.ts')
})

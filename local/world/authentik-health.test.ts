import { expect, it } from 'vitest'
import { inWords } from './authentik-health.ts'

const page = (answers: number, keysMatch: number, breaker: number) => `# HELP token_service_upstream_up Whether
token_service_upstream_up ${answers}
token_service_registry_keys_match ${keysMatch}
token_service_circuit_breaker_state ${breaker}
`

it.each([
  [page(1, 1, 0), 'answers the token service'],
  [page(0, 1, 0), 'does not answer the token service'],
  [page(1, 0, 0), 'signs with a key that the registry does not have; `npm run up` brings it'],
  [page(1, 1, 2), 'has failed several times in a row, so the token service does not ask it now'],
  ['', 'not known: the metrics do not say'],
])('describes authentik from a page of metrics %#', (text, words) => {
  expect(inWords(text)).toBe(words)
})

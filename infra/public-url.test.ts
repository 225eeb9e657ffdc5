import { expect, it } from 'vitest'
import { publicUrl } from './public-url.ts'

it.each([
  ['registry.example.com', 'https://registry.example.com'],
  ['registry.example.com:8443', 'https://registry.example.com:8443'],
  ['localhost.example.com', 'https://localhost.example.com'],
  ['localhost:15000', 'http://localhost:15000'],
])('%s is reached at %s', (host, url) => {
  expect(publicUrl(host)).toBe(url)
})

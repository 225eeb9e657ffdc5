/** The page for people, at the registry's own address; what clients ask for stays the registry's. */
import { expect, it } from 'vitest'
import { registry } from './job.ts'

it('is at / and nowhere else', async () => {
  const page = await fetch(`http://${registry}/`)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/)
  const text = await page.text()
  expect(text).toContain('Everything works')
  // By the host that the request names, of which Skipper leaves the port out.
  expect(text).toContain(`docker login ${new URL(`http://${registry}`).hostname}`)
  expect(text).not.toMatch(/acme|<script/)
  const challenge = await fetch(`http://${registry}/v2/`)
  expect(challenge.status).toBe(401)
  expect(challenge.headers.get('www-authenticate')).toMatch(/^Bearer /)
})

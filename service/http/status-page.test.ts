import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { pageAnswer } from './status-page.ts'

const well = { host: 'registry.example.com', authentikAnswers: true, keysMatch: true, hasRules: true }

describe('the page', () => {
  it('says how to log in at the name by which it was asked', () => {
    const { status, body } = pageAnswer({ ...well, host: 'Registry.example.com:8443' })
    expect(status).toBe(200)
    expect(body).toContain('<title>registry.example.com:8443</title>')
    expect(body).toContain('with: { registry: registry.example.com:8443 }')
    expect(body).toContain('--password-stdin registry.example.com:8443')
  })

  it.each(['<script>alert(1)</script>', 'a"b', 'a b', '', `${'a'.repeat(300)}.example.com`, undefined])(
    'does not repeat a host like %j',
    (host) => {
      const { body } = pageAnswer({ ...well, host })
      expect(body).toContain('<title>registry.example.com</title>')
      if (host) expect(body).not.toContain(host)
    },
  )

  it('allows its own style and nothing else', () => {
    const { headers, body } = pageAnswer(well)
    const style = /<style>(.*?)<\/style>/s.exec(body)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    expect(body).not.toMatch(/<script|<img|<link|\son\w+=|\sstyle=|https?:\/\//)
    expect(headers['x-content-type-options']).toBe('nosniff')
  })

  it.each([
    ['authentikAnswers', 'authentik does not answer'],
    ['keysMatch', 'the registry lacks a key in use'],
    ['hasRules', 'none could be read'],
  ])('says what is down: %s', (fact, words) => {
    expect(pageAnswer(well).body).toContain('Everything works')
    const { body } = pageAnswer({ ...well, [fact]: false })
    expect(body).toContain('Something does not work')
    expect(body).toContain(`<span class="down">${words}`)
  })
})

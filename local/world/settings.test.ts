import { describe, expect, it } from 'vitest'
import { loadSettings, readSettings } from './settings.ts'

describe('what the stack leaves to the local world', () => {
  it('is everything, as the stack comes', async () => {
    const settings = await loadSettings()
    expect(settings).toMatchObject({ cluster: undefined, standInAuthentik: true, standInIssuers: true })
    expect(settings.host).toBe('localhost:15000')
  })

  it('leaves authentik out when the stack names one', () => {
    const settings = readSettings('config: { "authentik:url": "https://auth.example.com" }')
    expect(settings).toMatchObject({ standInAuthentik: false, authentikUrl: 'https://auth.example.com' })
  })

  it('leaves the cluster out when the stack names a context', () => {
    expect(readSettings('config: { "kubernetes:context": prod }').cluster).toEqual({ context: 'prod' })
  })

  it('leaves the issuers out when the sources are others', () => {
    const text = 'config: { "passwordless-registry:sources": [{ slug: gitlab, url: "https://git.example.com" }] }'
    expect(readSettings(text).standInIssuers).toBe(false)
  })

  it('is a proof without sessions, when the stack turns them off', () => {
    expect(readSettings('config: {}').sessions).toBe(true)
    expect(readSettings('config: { "passwordless-registry:sessionHours": 0 }').sessions).toBe(false)
  })

  it('is the issuers, when an authentik on this machine finds them on loopback', () => {
    const text =
      'config: { "passwordless-registry:sources": [{ slug: a, jwksUrl: "http://127.0.0.1:15002/github/x" }] }'
    expect(readSettings(text).standInIssuers).toBe(true)
  })

  it.each([
    ['http://127.0.0.1:9000', '127.0.0.1:9000'],
    ['http://localhost', '127.0.0.1:80'],
    ['http://192.0.2.1:9000', undefined],
    ['https://127.0.0.1:9443', undefined],
  ])('makes pods reach an authentik at %s by the name of the stand-in', (url, address) => {
    const fromPods = '"passwordless-registry:authentikUrl": "http://authentik.outside-world.svc.cluster.local:9000"'
    const settings = readSettings(`config: { "authentik:url": "${url}", ${fromPods} }`)
    expect(settings.exposedAuthentik).toBe(address)
    expect(readSettings(`config: { "authentik:url": "${url}" }`).exposedAuthentik).toBeUndefined()
  })

  it('says so when the file is not a stack config', () => {
    expect(() => readSettings('[]')).toThrow(/expected object/)
  })
})

import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { registryConfig } from './registry-config.ts'
import { storageDriver } from './storage-driver.ts'

const hostile = { realm: 'https://r.example/token', service: 'a: b # c', issuer: 'https://a.example/application/o/x/' }
const config = parse(registryConfig({ ...hostile, storage: storageDriver({}) }))

describe('registryConfig', () => {
  it('verifies tokens by the mounted keys and takes ES256 alone', () => {
    expect(config.auth).toEqual({
      token: {
        ...hostile,
        rootcertbundle: '/etc/distribution/certificate.pem',
        jwks: '/etc/distribution/jwks.json',
        signingalgorithms: ['ES256'],
      },
    })
  })

  it('can delete, has neither absolute locations nor secrets', () => {
    expect(config.storage.delete.enabled).toBe(true)
    expect(config.http.relativeurls).toBe(true)
    expect(config.http.secret).toBeUndefined()
  })

  it('has its metrics on a port of their own, which the way in does not lead to', () => {
    expect(config.http).toMatchObject({ addr: ':5000', debug: { addr: ':5001', prometheus: { enabled: true } } })
  })

  it('believes the disk alone about blobs, and lets uploads finish when it ends', () => {
    expect(config.storage.cache).toBeUndefined()
    expect(config.http.draintimeout).toBe('25s')
  })

  it('reads the tags of a bucket many at once', () => {
    const storage = storageDriver({
      s3: { bucket: 'images', region: 'eu-central-1', redirect: false, serviceAccountAnnotations: {} },
    })
    expect(parse(registryConfig({ ...hostile, storage })).storage.tag).toEqual({ concurrencylimit: 32 })
    expect(config.storage).not.toHaveProperty('tag')
  })
})

// The certificate library asks for it.
import 'reflect-metadata'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { X509CertificateGenerator } from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { limits } from '../limits.ts'
import { createConnections } from './pool.ts'
import { createPostForm } from './post-form.ts'

async function post(url: URL, overrides: Partial<typeof limits> = {}) {
  const own = { ...limits, ...overrides }
  const connections = createConnections(url.origin, own)
  try {
    return await createPostForm(url, connections, own)(new URLSearchParams({ a: 'b' }), 'id')
  } finally {
    connections.destroy()
  }
}

describe('createPostForm', () => {
  it('talks to nobody whose certificate no known authority has signed', async () => {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    const certificate = await X509CertificateGenerator.createSelfSigned({ name: 'CN=localhost', keys })
    const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
    let requests = 0
    const server = createServer(
      { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` },
      () => requests++,
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/token`)
    await expect(post(url)).rejects.toMatchObject({
      reason: 'upstream_unreachable',
      facts: { cause: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    })
    expect(requests).toBe(0)
    server.close()
  })

  it('does not wait for ever for a TLS handshake', async () => {
    const server = createTcpServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/token`)
    await expect(post(url, { upstreamConnectMs: 300 })).rejects.toMatchObject({ reason: 'upstream_timeout' })
    server.close()
  })
})

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiServerNames, ensurePki } from './pki.ts'

let directory: string
const read = (name: string) => readFile(join(directory, name), 'utf8')

beforeAll(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'pki-')), 'pki')
  await ensurePki(directory)
})

afterAll(() => rm(dirname(directory), { recursive: true }))

describe('ensurePki', () => {
  it('signs every certificate with the authority, for the key beside it', async () => {
    const authority = new X509Certificate(await read('ca.crt'))
    const names = (await readdir(directory)).filter((name) => name.endsWith('.crt') && name !== 'ca.crt')
    expect(names.length).toBeGreaterThan(3)
    for (const name of names) {
      const certificate = new X509Certificate(await read(name))
      expect(certificate.verify(authority.publicKey), name).toBe(true)
      expect(certificate.checkIssued(authority), name).toBe(true)
      expect(certificate.checkPrivateKey(createPrivateKey(await read(name.replace('.crt', '.key')))), name).toBe(true)
      expect(certificate.ca, name).toBe(false)
    }
  })

  it('makes the API server known by all its names', async () => {
    const certificate = new X509Certificate(await read('apiserver.crt'))
    for (const name of apiServerNames) {
      const known = /^[\d.]+$|:/.test(name) ? certificate.checkIP(name) : certificate.checkHost(name)
      expect(known, name).toBeDefined()
    }
  })

  it('names the kubelet as the node authorizer expects it', async () => {
    const certificate = new X509Certificate(await read('kubelet.crt'))
    expect(certificate.subject.split('\n').sort()).toEqual(['CN=system:node:local', 'O=system:nodes'])
  })

  it('writes kubeconfigs that the client library reads, with the client certificate inside', async () => {
    const config = new KubeConfig()
    config.loadFromString(await read('scheduler.kubeconfig'))
    const certificate = Buffer.from(config.getCurrentUser()?.certData ?? '', 'base64')
    expect(new X509Certificate(certificate).subject).toBe('CN=system:kube-scheduler')
    expect(config.getCurrentCluster()?.server).toBe('https://198.51.100.1:6443')
  })

  it('lets no other user read', async () => {
    expect((await stat(directory)).mode & 0o077).toBe(0)
    expect((await stat(join(directory, 'ca.key'))).mode & 0o077).toBe(0)
  })

  it('leaves what is there as it is', async () => {
    const before = await read('ca.crt')
    await ensurePki(directory)
    expect(await read('ca.crt')).toBe(before)
  })
})

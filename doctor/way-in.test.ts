// The certificate library asks for it.
import 'reflect-metadata'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { describe, expect, test } from 'vitest'
import { checkClock, checkWayIn, readCertificate, readChallenge } from './way-in.ts'

const now = Date.parse('2026-11-26T12:00:00Z')
const DAY_MS = 86_400_000

describe('the certificate', () => {
  test.each([
    [undefined, 90, 'ok', 'expires in 90 days'],
    [undefined, 13, 'wrong', 'expires in 13 days'],
    [undefined, -1, 'wrong', 'expires in -1 days'],
    [undefined, Number.NaN, 'wrong', 'expires in NaN days'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 90, 'wrong', 'not trusted: SELF_SIGNED_CERT_IN_CHAIN'],
  ])('with problem %s and %d days left is %s', (problem, days, state, found) => {
    expect(readCertificate(problem, now + days * DAY_MS, now)).toMatchObject({
      state,
      found: expect.stringContaining(found),
    })
  })
})

describe('the certificate of a server', () => {
  const AUTHORITY = 'doctor-test'
  const certificateFor = async (name: string, days: number) => {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    const made = await X509CertificateGenerator.createSelfSigned({
      ...{ name: `CN=${AUTHORITY}`, keys, notBefore: new Date(Date.now() - DAY_MS) },
      notAfter: new Date(Date.now() + days * DAY_MS + 60_000),
      extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
    })
    const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
    return { cert: made.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` }
  }
  const look = async (name: string, days: number, trusts: boolean) => {
    const own = await certificateFor(name, days)
    const server = createServer(own, (_, response) => void response.end()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const authorities = getCACertificates('default')
    if (trusts) setDefaultCACertificates([...authorities, own.cert])
    try {
      // A name of this machine that the doctor takes for another machine's.
      const { findings } = await checkWayIn(`LOCALHOST:${(server.address() as AddressInfo).port}`)
      return findings.find(({ check }) => check === 'tls')
    } finally {
      setDefaultCACertificates(authorities)
      server.close()
    }
  }

  test.each<[string, string, number, boolean, string, RegExp]>([
    ['by an authority that is known', 'LOCALHOST', 40, true, 'ok', /expires in 40 days/],
    ['that soon ends', 'LOCALHOST', 3, true, 'wrong', /expires in 3 days/],
    ['that has ended', 'LOCALHOST', -0.5, true, 'wrong', /CERT_HAS_EXPIRED/],
    ['of another name', 'other.example.com', 40, true, 'wrong', /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['that no authority signed', 'LOCALHOST', 40, false, 'wrong', /DEPTH_ZERO_SELF_SIGNED_CERT/],
  ])('%s', async (_, name, days, trusts, state, found) => {
    expect(await look(name, days, trusts)).toMatchObject({ state, found: expect.stringMatching(found) })
  })

  test('that speaks no TLS', async () => {
    const server = createTcpServer((socket) => void socket.end('no')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { findings } = await checkWayIn(`LOCALHOST:${(server.address() as AddressInfo).port}`)
    expect(findings.find(({ check }) => check === 'tls')).toMatchObject({
      state: 'wrong',
      found: expect.stringContaining('no TLS'),
    })
    server.close()
  })
})

describe('the clock', () => {
  test.each([
    ['Thu, 26 Nov 2026 12:00:20 GMT', 'ok'],
    ['Thu, 26 Nov 2026 12:01:00 GMT', 'wrong'],
    ['Thu, 26 Nov 2026 11:59:00 GMT', 'wrong'],
    [null, 'skipped'],
  ])('of %s is %s', (date, state) => expect(checkClock(date, now).state).toBe(state))
})

describe('the challenge', () => {
  test('names realm and service, on https for a public name', () => {
    const header = 'Bearer realm="https://registry.example.com/token",service="docker-registry"'
    const { finding, challenge } = readChallenge('registry.example.com', 401, header)
    expect(finding.state).toBe('ok')
    expect(challenge).toEqual({ realm: 'https://registry.example.com/token', service: 'docker-registry' })
    expect(readChallenge('registry.example.com', 401, header.replace('https', 'http')).finding.state).toBe('wrong')
    expect(readChallenge('registry.example.com', 401, 'Basic realm="x"').challenge).toBeUndefined()
  })
})

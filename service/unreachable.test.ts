// The certificate library asks for it.
import 'reflect-metadata'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { answerJson } from '../test/fake-upstream.ts'
import { OWN_PORT, ownAddress } from '../test/own-address.ts'
import type { TokenServiceProcess } from '../test/token-service.ts'
import { basic, secrets, useTokenService } from '../test/token-service-suite.ts'
import { unsignedToken } from '../test/unsigned-token.ts'
import { audience, document, githubClaims } from '../trust/decision/policy.fixture.ts'

const suite = useTokenService({ started: false })

/** Whatever comes, comes in time, however busy the machine is. */
const patient = { upstreamConnectMs: 20_000, upstreamTotalMs: 25_000, breakerFailures: 1_000, breakerTimeouts: 1_000 }
const impatient = { ...patient, upstreamConnectMs: 400 }
const job = () => basic('JWT', suite.secret(unsignedToken({ jti: crypto.randomUUID() })))

/** Asks a few times at once. @returns the reasons */
async function ask(at: TokenServiceProcess): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: 5 }, () => suite.ask(job(), { at })))
  return [...new Set(answers.map(({ status, error }) => `${status} ${error?.detail.reason ?? ''}`.trim()))]
}

/** Asks until there is a token: where a time-out is short, a busy machine may need several tries. */
async function served(at: TokenServiceProcess): Promise<void> {
  while ((await suite.ask(job(), { at })).status !== 200) await sleep(20)
}

/** A server with a certificate of its own for this name. */
async function tlsServer(name: string) {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const extensions = [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])]
  const certificate = await X509CertificateGenerator.createSelfSigned({ name: `CN=${name}`, keys, extensions })
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const cert = certificate.toString('pem')
  const requests = { count: 0 }
  const server = createHttpsServer(
    { cert, key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` },
    (request, response) => {
      requests.count += 1
      answerJson(200, { access_token: secrets.registryToken, expires_in: 600 })(request, response)
    },
  )
  return { cert, requests, take: (socket: Socket) => void server.emit('connection', socket) }
}

describe('over TLS', () => {
  let known: Awaited<ReturnType<typeof tlsServer>>
  let stranger: Awaited<ReturnType<typeof tlsServer>>
  let elsewhere: Awaited<ReturnType<typeof tlsServer>>
  let dir: string
  let server: Server
  let meet: (socket: Socket) => void

  beforeAll(async () => {
    ;[known, stranger, elsewhere] = await Promise.all([
      tlsServer('localhost'),
      tlsServer('localhost'),
      tlsServer('elsewhere.example'),
    ])
    dir = await mkdtemp(join(tmpdir(), 'authorities-'))
    await writeFile(join(dir, 'ca.pem'), `${known.cert}\n${elsewhere.cert}\n`)
    server = createServer((socket) => {
      socket.on('error', () => {})
      meet(socket)
    }).listen(0, 'localhost')
    await once(server, 'listening')
  })
  afterAll(async () => {
    server.close()
    await rm(dir, { recursive: true })
  })
  beforeEach(() => {
    meet = known.take
  })

  it.each<[string, () => (socket: Socket) => void, string, string]>([
    [
      'whose certificate no authority vouches for',
      () => stranger.take,
      'upstream_unreachable',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    ],
    [
      'whose certificate is for another name',
      () => elsewhere.take,
      'upstream_unreachable',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'who does not speak TLS',
      () => (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'upstream_unreachable',
      'EPROTO|ERR_SSL_',
    ],
    ['who takes connections and says nothing', () => () => {}, 'upstream_timeout', 'ERR_CONNECT_TIMEOUT'],
    ['who breaks every connection', () => (socket) => void socket.resetAndDestroy(), 'upstream_broken', 'ECONNRESET'],
  ])('nobody is told a credential %s, and the right one is asked once it is back', async (_, other, reason, cause) => {
    const env = {
      TOKEN_URL: `https://localhost:${(server.address() as AddressInfo).port}/application/o/token/`,
      NODE_EXTRA_CA_CERTS: join(dir, 'ca.pem'),
    }
    const at = await suite.start(env, reason === 'upstream_timeout' ? impatient : patient)
    meet = other()
    expect(await ask(at)).toEqual([`503 ${reason}`])
    expect([stranger.requests.count, elsewhere.requests.count]).toEqual([0, 0])
    meet = known.take
    await served(at)
    await suite.stop(at)
    expect(at.output()).toMatch(new RegExp(`"cause":"(?:${cause})`))
  })
})

describe('without a connection', () => {
  it('because nobody listens, that is said at once, and over when somebody does', async () => {
    const host = ownAddress()
    const at = await suite.start({ TOKEN_URL: `http://${host}:${OWN_PORT}/token/` }, patient)
    expect(await ask(at)).toEqual(['503 upstream_unreachable'])

    const forwarder = createServer((socket) => {
      const upstream = new URL(suite.upstream.url)
      void fetch(upstream, { method: 'POST' }).then(async (answer) => {
        const body = await answer.text()
        socket.end(
          `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
        )
      })
    }).listen(OWN_PORT, host)
    await once(forwarder, 'listening')
    expect(await ask(at)).toEqual(['200'])
    forwarder.close()
    await suite.stop(at)
    expect(at.output()).toContain('"cause":"ECONNREFUSED"')
  })

  it('because nobody knows the name, that is said in time, and the process goes on', async () => {
    const at = await suite.start({ TOKEN_URL: 'http://authentik.invalid/token/' }, impatient)
    const [reason, ...more] = await ask(at)
    // A machine without any name server waits for one; the time to connect then ends first.
    expect(['503 upstream_unreachable', '503 upstream_timeout']).toContain(reason)
    expect(more).toEqual([])
    while ((await fetch(`${at.url}/live`)).status !== 204) await sleep(10)
    await suite.stop(at)
    expect(at.output()).toMatch(/"cause":"(ENOTFOUND|EAI_AGAIN|ERR_CONNECT_TIMEOUT)"/)
  })
})

describe('without the API server of the own cluster', () => {
  const issuer = 'https://kubernetes.default.svc'
  const claims = [['sub', ['system:serviceaccount:shop:*']]]
  const rule = { number: 9, claims, push: [], pull: ['acme/**'], delete: [], catalog: false }
  const about = { slug: 'cluster', authentikSlug: 'docker-registry-cluster', platform: 'oidc', issuer, audience }
  const of = (token: object) => basic('JWT', suite.secret(unsignedToken({ jti: crypto.randomUUID(), ...token })))
  const pod = () => of({ iss: issuer, aud: [audience], sub: 'system:serviceaccount:shop:app' })
  const ciJob = () => of({ ...githubClaims, aud: audience })

  it('pods get 503 with the time to wait, authentik is not asked, and jobs and readiness notice nothing', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'own-cluster-'))
    const trustFile = join(dir, 'trust.json')
    const sources = [...document.sources, { ...about, rules: [rule] }]
    await writeFile(trustFile, JSON.stringify({ ...document, sources }))
    await copyFile(join(import.meta.dirname, '../infra/authentik/certificate.test.pem'), join(dir, 'ca.crt'))
    await writeFile(join(dir, 'token'), suite.secret(unsignedToken({ sub: 'the service itself' })))
    const at = await suite.start({
      TRUST_FILE: trustFile,
      CLUSTER_SOURCE: 'cluster',
      CLUSTER_FILES: dir,
      KUBERNETES_SERVICE_HOST: ownAddress(),
      KUBERNETES_SERVICE_PORT: String(OWN_PORT),
    })
    for (let pull = 0; pull < 5; pull++) {
      const { status, error, response } = await suite.ask(pod(), { at })
      expect([status, error?.detail.reason]).toEqual([503, 'kubernetes_unavailable'])
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(suite.upstream.received).toHaveLength(0)
    expect((await suite.ask(ciJob(), { at })).status).toBe(200)
    expect((await fetch(`${at.metricsUrl}/ready`)).ok).toBe(true)
    await suite.stop(at)
    expect(at.output()).toContain('"cause":"ECONNREFUSED"')
    expect(at.output()).toMatch(/"breaker":"open","server":"API server of the cluster"/)
    await rm(dir, { recursive: true })
  })
})

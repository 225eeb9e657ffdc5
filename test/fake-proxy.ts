/** A proxy on loopback, as a company puts one before the internet: it alone knows where the names of a test are. */
import { once } from 'node:events'
import { createServer, request as forward } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'

export interface FakeProxy {
  /** `127.0.0.1:<port>` */
  host: string
  /** What it was asked for, in order: `CONNECT authentik.test:443` or `POST http://authentik.test/token`. */
  asked: string[]
  /** The `Proxy-Authorization` of each. */
  credentials: (string | undefined)[]
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts one.
 * @param targets ports on loopback by name and port: `authentik.test:443`
 */
export async function fakeProxy(targets: Readonly<Record<string, number>>): Promise<FakeProxy> {
  const server = createServer((request, response) => {
    const { url = '', method, headers } = request
    note(`${method} ${url}`, headers['proxy-authorization'])
    const { host, port, pathname, search } = new URL(url)
    const target = targets[port === '' ? `${host}:80` : host]
    if (target === undefined) {
      response.writeHead(502).end()
      return
    }
    const onward = forward({ port: target, host: '127.0.0.1', method, path: pathname + search, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  })
  const sockets = new Set<Socket>()
  server.on('connect', (request, socket: Socket, head) => {
    note(`CONNECT ${request.url}`, request.headers['proxy-authorization'])
    const port = targets[request.url ?? '']
    if (port === undefined) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
      return
    }
    const target = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      target.write(head)
      socket.pipe(target).pipe(socket)
    })
    for (const end of [socket, target]) {
      sockets.add(end)
      end.on('error', () => {})
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: FakeProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    credentials: [],
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
    },
  }
  function note(what: string, credentials: string | undefined) {
    proxy.asked.push(what)
    proxy.credentials.push(credentials)
  }
  return proxy
}

/** An authority that no list of Node's has. */
export interface PrivateAuthority {
  /** Its certificate, PEM: what NODE_EXTRA_CA_CERTS names. */
  pem: string
  /** Puts TLS before a port on loopback, with a certificate for these names. @returns the port, and what ends it */
  serve(names: readonly string[], port: number): Promise<{ port: number; close: () => void }>
}

/** Makes one. */
export async function privateAuthority(): Promise<PrivateAuthority> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const pair = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const keys = await pair()
  const name = 'CN=Private authority'
  const authority = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  })
  return {
    pem: authority.toString('pem'),
    serve: async (names, port) => {
      const own = await pair()
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${names[0]}`,
        issuer: name,
        signingKey: keys.privateKey,
        publicKey: own.publicKey,
        signingAlgorithm: algorithm,
        extensions: [new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))],
      })
      const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64')
      const pem = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`
      const server = createTlsServer({ cert: certificate.toString('pem'), key: pem }, (socket) => {
        const plain = connect(port, '127.0.0.1')
        for (const end of [socket, plain]) end.on('error', () => socket.destroy())
        socket.pipe(plain).pipe(socket)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return { port: (server.address() as AddressInfo).port, close: () => server.close() }
    },
  }
}

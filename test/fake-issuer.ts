/** What signs tokens in tests, with real keys, and publishes them as a CI platform does. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CompactSign, exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose'
import { answerJson } from './fake-upstream.ts'

/** A pair of keys under one id. */
export interface IssuerKey {
  readonly kid: string
  readonly jwk: JSONWebKeySet['keys'][number]
  /** A token of these claims, issued now, with five minutes to live; claims and header may say otherwise. */
  sign(claims: object, header?: object): Promise<string>
}

/** Makes a pair; ES256 unless the algorithm is named, since RSA keys take longer to make. */
export async function issuerKey(kid: string, alg = 'ES256'): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  return {
    kid,
    jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    sign: (claims, header = {}) => {
      const now = Math.floor(Date.now() / 1000)
      const text = JSON.stringify({ iat: now, exp: now + 300, ...claims })
      return new CompactSign(Buffer.from(text)).setProtectedHeader({ alg, kid, ...header }).sign(privateKey)
    },
  }
}

/** A server that publishes keys. */
export interface FakeIssuer {
  jwksUrl: string
  wellKnownUrl: string
  /** What it publishes; a test changes it as it goes. */
  keys: IssuerKey[]
  /** The paths it was asked for, in order. */
  asked: string[]
  /** How it answers where that is not its keys. */
  answer: RequestListener | undefined
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts one. */
export async function fakeIssuer(...keys: IssuerKey[]): Promise<FakeIssuer> {
  const server = createServer((request, response) => {
    issuer.asked.push(request.url ?? '')
    if (issuer.answer) return issuer.answer(request, response)
    if (request.url === '/jwks') return answerJson(200, { keys: issuer.keys.map(({ jwk }) => jwk) })(request, response)
    return answerJson(200, { jwks_uri: issuer.jwksUrl })(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const issuer: FakeIssuer = {
    jwksUrl: `${url}/jwks`,
    wellKnownUrl: `${url}/.well-known/openid-configuration`,
    keys,
    asked: [],
    answer: undefined,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
  return issuer
}

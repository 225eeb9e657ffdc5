/** The token service, asked by somebody who has no rights. */
import { randomUUID } from 'node:crypto'
import { ask, jsonOf, reasonOf } from '../prober/web.ts'
import { type Finding, ok, wrong } from './finding.ts'
import type { Challenge } from './way-in.ts'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** An unsigned token of an issuer that no stack accepts. */
export function strangersToken(nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000)
  const claims = { iss: 'https://stranger.invalid', sub: 'doctor', aud: 'doctor', iat: seconds, exp: seconds + 60 }
  return `${part({ alg: 'RS256', kid: randomUUID() })}.${part(claims)}.c2lnbmF0dXJl`
}

export async function checkStrangers({ realm, service }: Challenge): Promise<Finding[]> {
  const url = new URL(realm)
  url.searchParams.set('service', service)
  url.searchParams.set('scope', 'repository:doctor/stranger:pull,push')
  const basic = Buffer.from(`JWT:${strangersToken(Date.now())}`).toString('base64')
  try {
    const [unsigned, stranger] = await Promise.all([
      ask(url.href),
      ask(url.href, { headers: { authorization: `Basic ${basic}` } }),
    ])
    return [
      isTokenService(unsigned.body)
        ? ok('token service', `answers at ${realm}`)
        : wrong(
            'token service',
            `status ${unsigned.status}, instead of a token service's answer`,
            'no client gets a token',
            'check the pods: kubectl -n passwordless-registry get pods',
          ),
      stranger.status === 401
        ? ok('stranger', 'a token of an unknown issuer is refused')
        : wrong(
            'stranger',
            `a token of an unknown issuer gets status ${stranger.status}, expected 401`,
            stranger.status < 300 ? 'EVERYONE MAY GET IN' : 'clients do not learn why they are refused',
            'compare the deployed trust rules with the stack: pulumi preview',
          ),
    ]
  } catch (error) {
    return [
      wrong(
        'token service',
        `no answer (${reasonOf(error)})`,
        'no client gets a token',
        'check the pods: kubectl -n passwordless-registry get pods',
      ),
    ]
  }
}

/** A token where pulls are open to everyone, else a refusal in the registry's shape with our request id. */
function isTokenService(body: string): boolean {
  const { token, errors } = jsonOf(body)
  return typeof token === 'string' || (Array.isArray(errors) && typeof errors[0]?.detail?.requestId === 'string')
}

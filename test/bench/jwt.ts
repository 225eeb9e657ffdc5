/**
 * Tokens of the shape and size of real ones, unsigned: those that a CI platform gives its jobs, and those that
 * authentik gives for them. The latter say for whom they were made, so that a mix-up shows.
 */
import { hash, randomBytes } from 'node:crypto'

/** What makes one CI token differ from another. */
export interface CiTokenFacts {
  /** The claim `jti`; another id is another token. */
  id: string
  repository: string
  /** Seconds since 1970. */
  issuedAt: number
  expiresAt: number
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const SIGNATURE_BYTES = 256 // RS256 with a key of 2,048 bits
const SIGNATURE_LENGTH = Math.ceil((SIGNATURE_BYTES * 4) / 3)
/** Random bytes are dear, so each signature is a piece of these. */
const noise = randomBytes(64 * 1024).toString('base64url')

/** The same for the same text, so that a token can be made again instead of being kept. */
function signature(of: string): string {
  let seed = 0
  for (let index = 0; index < of.length; index++) seed = (Math.imul(seed, 31) + of.charCodeAt(index)) >>> 0
  const at = seed % (noise.length - SIGNATURE_LENGTH)
  // The last character of 256 bytes carries only two bits; strict decoders refuse others.
  return `${noise.slice(at, at + SIGNATURE_LENGTH - 1)}A`
}

const ciHeader = part({ alg: 'RS256', typ: 'JWT', kid: 'bench-ci-key-1', x5t: 'Y2ktYmVuY2gtdGh1bWJwcmludC0wMQ' })
const registryHeader = part({ alg: 'RS256', typ: 'JWT', kid: 'bench-registry-key-1' })

/** A token as GitHub Actions gives it, of about 1.2 kB; within one process the same for the same facts. */
export const ciToken = (facts: CiTokenFacts): string => `${ciHeader}.${part(ciClaims(facts))}.${signature(facts.id)}`

/** What such a token says. */
export function ciClaims({ id, repository, issuedAt, expiresAt }: CiTokenFacts): Record<string, unknown> {
  const owner = repository.slice(0, repository.indexOf('/'))
  return {
    jti: id,
    iss: 'https://token.actions.githubusercontent.com',
    aud: 'registry.example.com',
    sub: `repo:${repository}:ref:refs/heads/main`,
    repository,
    repository_owner: owner,
    repository_owner_id: '501',
    ref: 'refs/heads/main',
    ref_type: 'branch',
    sha: '3c3014488fa31c9dcf9b5ee48badb3bf5ff69780',
    workflow: 'release',
    workflow_ref: `${repository}/.github/workflows/release.yml@refs/heads/main`,
    run_id: '15000000001',
    event_name: 'push',
    runner_environment: 'github-hosted',
    iat: issuedAt,
    nbf: issuedAt,
    exp: expiresAt,
  }
}

/** What stands for a credential in the tokens that the upstream makes of it. */
export function credentialMark(jwt: string): string {
  return hash('sha256', jwt, 'hex').slice(0, 32)
}

/** What stands for a set of scopes; the order of scopes and of actions says nothing. */
export function scopeMark(scopes: readonly string[]): string {
  const sorted = scopes.map((scope) => {
    const { resource, actions } = splitScope(scope)
    return `${resource}:${actions.toSorted().join(',')}`
  })
  return hash('sha256', sorted.toSorted().join(' '), 'hex').slice(0, 32)
}

/** Takes `repository:acme/app:pull,push` apart before its actions. */
export function splitScope(scope: string): { resource: string; actions: string[] } {
  const at = scope.lastIndexOf(':')
  return { resource: scope.slice(0, at), actions: scope.slice(at + 1).split(',') }
}

/** What is read of a registry token again. */
export interface RegistryClaims {
  /** Seconds since 1970. */
  exp: number
  for_credential: string
  for_scopes: string
}

/**
 * A token as authentik gives it, of about 900 bytes, that grants what was asked for.
 * @param now seconds since 1970
 */
export function registryToken(jwt: string, scopes: readonly string[], now: number, lifetimeSeconds: number): string {
  const claims = {
    iss: 'https://authentik.example.com/',
    sub: 'ci-acme-app',
    aud: 'docker-registry',
    iat: now,
    exp: now + lifetimeSeconds,
    access: scopes.map((scope) => {
      const { resource, actions } = splitScope(scope)
      const colon = resource.indexOf(':')
      return { type: resource.slice(0, colon), name: resource.slice(colon + 1), actions }
    }),
    for_credential: credentialMark(jwt),
    for_scopes: scopeMark(scopes),
  } satisfies RegistryClaims & Record<string, unknown>
  return `${registryHeader}.${part(claims)}.${signature(claims.for_credential)}`
}

/** A session as authentik gives it: it opens `/v2/`, and is the token of a login that asks for nothing. */
export function sessionToken(jwt: string, now: number, lifetimeSeconds: number): string {
  const claims = {
    iss: 'https://authentik.example.com/',
    sub: 'ci-acme-app',
    aud: ['ci-session', 'docker-registry'],
    iat: now,
    exp: now + lifetimeSeconds,
    access: [],
    ci: { source: 'github', claims: { repository: 'acme/app' } },
    for_credential: credentialMark(jwt),
  }
  return `${registryHeader}.${part(claims)}.${signature(claims.for_credential)}`
}

/** @returns undefined where it is not a token of `registryToken` */
export function readRegistryToken(token: string): RegistryClaims | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    const known = typeof claims.for_credential === 'string' && typeof claims.for_scopes === 'string'
    return known && typeof claims.exp === 'number' ? claims : undefined
  } catch {
    return undefined
  }
}

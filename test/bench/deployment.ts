/**
 * The service as a stack deploys it: with rules, with the keys of the issuer and of the stack, with sessions. And
 * tokens that the issuer has signed, made before anything is measured: to sign costs twenty times what it takes to
 * verify.
 */
import { generateKeyPair as generateWithCallback, type KeyObject, sign as signWithCallback } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { compileDocument, REGISTRY_APPLICATION, sessionNames } from '../../trust/language/document.ts'
import { parseRules } from '../../trust/language/rules.ts'
import { parseSources } from '../../trust/language/sources.ts'
import { ciClaims } from './jwt.ts'

const generateKeyPair = promisify(generateWithCallback)
const sign = promisify(signWithCallback)

const KID = 'bench-ci-key-1'
const AUDIENCE = 'registry.example.com'
/** Owners that may push; the tokens are of the last one. */
const OWNERS = 20
const RSA_BITS = 2048 // as GitHub's and GitLab's keys

/** Where its files are, as environment of the service, and the key of the issuer. */
export interface Deployment {
  env: Record<string, string>
  issuerKey: KeyObject
}

/** Writes the files into a folder. */
export async function prepareDeployment(dir: string): Promise<Deployment> {
  const { sources } = parseSources([{ slug: 'github', platform: 'github' }], AUDIENCE)
  const owners = Array.from({ length: OWNERS }, (_, index) => ({ name: 'acme', id: String(501 + index - OWNERS + 1) }))
  const { rules } = parseRules([{ github: { owners } }], sources)
  const groups = { push: 'acl_docker_push', pull: 'acl_docker_pull' }
  const names = { application: REGISTRY_APPLICATION, groups, session: sessionNames }
  const issuer = await generateKeyPair('rsa', { modulusLength: RSA_BITS })
  const stack = await generateKeyPair('ec', { namedCurve: 'P-256' })
  const keys = (key: KeyObject, alg: string, kid: string) => ({
    keys: [{ ...key.export({ format: 'jwk' }), alg, kid, use: 'sig' }],
  })
  const files = {
    TRUST_FILE: compileDocument(sources, rules, names),
    ISSUER_KEYS_FILE: sources.map((source) => ({
      issuer: source.issuer,
      keys: { jwks: keys(issuer.publicKey, 'RS256', KID) },
    })),
    REGISTRY_JWKS_FILE: keys(stack.publicKey, 'ES256', 'bench-stack-key'),
  }
  const env: Record<string, string> = { SESSION_CLIENT_ID: 'ci-session', SESSION_SCOPE: 'ci-session' }
  for (const [name, value] of Object.entries(files)) {
    env[name] = join(dir, `${name}.json`)
    await writeFile(env[name], JSON.stringify(value))
  }
  return { env, issuerKey: issuer.privateKey }
}

/** CI tokens as GitHub gives them, each of another job, signed (RS256); one a line of the file. */
export async function writeSignedTokens(
  path: string,
  count: number,
  key: KeyObject,
  facts: { repository: string; issuedAt: number; expiresAt: number },
): Promise<void> {
  const header = part({ alg: 'RS256', typ: 'JWT', kid: KID })
  const token = async (index: number) => {
    const signed = `${header}.${part(ciClaims({ ...facts, id: `signed-${index}` }))}`
    return `${signed}.${(await sign('sha256', Buffer.from(signed), key)).toString('base64url')}`
  }
  await writeFile(path, (await Promise.all(Array.from({ length: count }, (_, index) => token(index)))).join('\n'))
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

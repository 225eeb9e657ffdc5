/** Who asks: what stands in the Authorization header, and what stands in for it when there is none. */
import { TokenError } from './errors.ts'
import type { Limits } from './limits.ts'
import { Secret } from './secret.ts'

/** What is sent to authentik to prove who asks. */
export type Credential =
  | { kind: 'jwt'; jwt: Secret; anonymous?: true }
  | { kind: 'password'; username: string; password: Secret; anonymous?: true }

/** What answers for a client that brings no credentials; `jwt-file` is a token that Kubernetes projects and renews. */
export type Anonymous =
  | { kind: 'none' }
  | { kind: 'password'; username: string; password: Secret }
  | { kind: 'jwt-file'; path: string }

const basic = /^basic +([a-z0-9+/_-]+={0,2}) *$/i
/** RFC 7617 §2: user-id and password must not hold control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacter = /[\x00-\x1f\x7f]/

/**
 * Reads HTTP Basic credentials (RFC 7617).
 * @param authorization the header as it came
 * @param jwtUsername the user name whose password is a CI token
 * @returns undefined if there is no header
 * @throws TokenError `credentials_*`; a message never repeats what the client sent
 */
export function readCredential(
  authorization: string | undefined,
  jwtUsername: string,
  limits: Limits,
): Credential | undefined {
  if (authorization === undefined) return undefined
  if (!/^basic(?: |$)/i.test(authorization)) {
    throw new TokenError(
      'credentials_missing',
      `The Authorization header is not of the kind Basic; log in with user name and password (${jwtUsername} and the ` +
        'CI token)',
    )
  }
  const decoded = Buffer.from(basic.exec(authorization)?.[1] ?? '', 'base64')
  if (decoded.length > limits.credentialBytes) {
    throw new TokenError(
      'credentials_too_large',
      `The credentials have ${decoded.length} bytes; at most ${limits.credentialBytes} are taken`,
    )
  }
  const text = decodeUtf8(decoded)
  const colon = text.indexOf(':')
  if (colon < 1) throw malformed('is not user name, colon and password in base64')
  const username = text.slice(0, colon)
  const password = text.slice(colon + 1)
  if (controlCharacter.test(text)) {
    throw malformed('holds a control character, perhaps a line break at its end; pass the password alone')
  }
  if (password === '') {
    throw new TokenError(
      'credentials_refused',
      username === jwtUsername
        ? 'The password is empty: the job has no token to give. GitHub needs "permissions: id-token: write", GitLab ' +
            'an "id_tokens:" entry in the job'
        : 'The password is empty; log in again',
    )
  }
  if (username === jwtUsername) return { kind: 'jwt', jwt: new Secret(password) }
  return { kind: 'password', username, password: new Secret(password) }
}

/**
 * The credentials that a client without any is served with.
 * @param readFile reads a text file; called each time, since the token in it is renewed
 * @throws TokenError `credentials_missing` if nobody may be anonymous, `anonymous_unavailable` if the file is no use
 */
export async function anonymousCredential(
  anonymous: Anonymous,
  jwtUsername: string,
  readFile: (path: string) => Promise<string>,
): Promise<Credential> {
  if (anonymous.kind === 'none') {
    throw new TokenError(
      'credentials_missing',
      `Log in first: user name ${jwtUsername} with the CI job's token as password, or a user name with an app password`,
    )
  }
  if (anonymous.kind === 'password') return { ...anonymous, anonymous: true }
  const jwt = (await readFile(anonymous.path).catch((error: NodeJS.ErrnoException) => unusable(error.code))).trim()
  if (jwt === '') return unusable('empty')
  return { kind: 'jwt', jwt: new Secret(jwt), anonymous: true }
}

function unusable(cause = 'unknown'): never {
  throw new TokenError(
    'anonymous_unavailable',
    'Access without login is down: the operator must look at the file that ANON_KUBE_JWT names. Logging in still works',
    { cause },
  )
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('is not UTF-8')
  }
}

function malformed(what: string): TokenError {
  return new TokenError('credentials_malformed', `What the Authorization header holds ${what} (RFC 7617)`)
}

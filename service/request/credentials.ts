/** Who asks: user name and password, a refresh token, and what stands in for them when there are none. */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { Secret } from '../secret.ts'

/** What is sent to authentik to prove who asks; `session` is what came as a refresh token. */
export type Credential =
  | { kind: 'ci_token'; jwt: Secret; anonymous?: true }
  | { kind: 'session'; jwt: Secret; anonymous?: never }
  | { kind: 'password'; username: string; password: Secret; anonymous?: true }

/** What answers for a client that brings no credentials; `jwt-file` is a token that Kubernetes projects and renews. */
export type Anonymous =
  | { kind: 'none' }
  | { kind: 'password'; username: string; password: Secret }
  | { kind: 'jwt-file'; path: string }

const basic = /^basic +([a-z0-9+/_-]+={0,2}) *$/i
/** RFC 7617 §2: user-id and password must not hold control characters; of a token they are no part either. */
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
  checkSize(decoded.length, limits)
  const text = decodeUtf8(decoded)
  const colon = text.indexOf(':')
  const username = text.slice(0, colon)
  const password = text.slice(colon + 1)
  if (colon < 0 || text === ':') {
    throw malformed('the Authorization header', 'are not user name, colon and password in base64')
  }
  checkCharacters(text, 'the Authorization header')
  // Seen of BuildKit, when its POST with a refresh token was answered with 401: the same token as password of an empty
  // user name.
  if (username === '') return { kind: 'session', jwt: new Secret(password) }
  if (username === jwtUsername && password === '')
    throw new TokenError('credentials_refused', noIdentityToken(username))
  return nameAndPassword(username, password, jwtUsername)
}

/** `docker login` writes a user with an empty password beside a session, and some clients read no further. */
function noIdentityToken(jwtUsername: string): string {
  return (
    'The password is empty: this client does not read the session that docker login keeps ("identitytoken" in ' +
    `docker's config.json). Log in with this client itself, or give it the session as the password of user ` +
    `${jwtUsername}. ${HOW_TO_GET_A_TOKEN}, and pass it as the password`
  )
}

const HOW_TO_GET_A_TOKEN =
  'For a token of its own a GitHub job needs "permissions: id-token: write", a GitLab job an "id_tokens:" entry'

/**
 * User name and password of a form (`grant_type=password`); they mean what they mean in the header.
 * @throws TokenError `credentials_*`; a message never repeats what the client sent
 */
export function passwordCredential(
  username: string,
  password: string,
  jwtUsername: string,
  limits: Limits,
): Credential {
  checkSize(Buffer.byteLength(username) + 1 + Buffer.byteLength(password), limits)
  if (username === '') throw malformed('the form', 'do not name a user')
  checkCharacters(username + password, 'the form')
  return nameAndPassword(username, password, jwtUsername)
}

/**
 * The refresh token of a form (`grant_type=refresh_token`).
 * @throws TokenError `credentials_*`; a message never repeats what the client sent
 */
export function sessionCredential(refreshToken: string, limits: Limits): Credential {
  checkSize(Buffer.byteLength(refreshToken), limits)
  checkCharacters(refreshToken, 'the form')
  if (refreshToken === '') throw new TokenError('credentials_refused', 'The refresh token is empty; log in again')
  return { kind: 'session', jwt: new Secret(refreshToken) }
}

function nameAndPassword(username: string, password: string, jwtUsername: string): Credential {
  if (password === '') {
    throw new TokenError(
      'credentials_refused',
      username === jwtUsername
        ? `The password is empty: the job has no token to give. ${HOW_TO_GET_A_TOKEN}`
        : 'The password is empty; log in again',
    )
  }
  if (username === jwtUsername) return { kind: 'ci_token', jwt: new Secret(password) }
  return { kind: 'password', username, password: new Secret(password) }
}

/**
 * The credentials that a client without any is served with.
 * @param readFile reads a text file; called each time, since the token in it is renewed
 * @throws TokenError `credentials_missing` if there is no access without login, `anonymous_unavailable` if the file
 *   cannot be used
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
  return { kind: 'ci_token', jwt: new Secret(jwt), anonymous: true }
}

function unusable(cause = 'unknown'): never {
  throw new TokenError(
    'anonymous_unavailable',
    'Access without login is down: the operator must look at the file that ANON_KUBE_JWT names. Logging in still works',
    { cause },
  )
}

function checkSize(bytes: number, limits: Limits): void {
  if (bytes <= limits.credentialBytes) return
  throw new TokenError(
    'credentials_too_large',
    `The credentials have ${bytes} bytes; at most ${limits.credentialBytes} are accepted`,
  )
}

function checkCharacters(text: string, where: string): void {
  if (!controlCharacter.test(text)) return
  throw malformed(where, 'contain a control character, perhaps a line break at the end; pass the password alone')
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('the Authorization header', 'are not UTF-8')
  }
}

function malformed(where: string, what: string): TokenError {
  return new TokenError('credentials_malformed', `The credentials in ${where} ${what} (RFC 7617)`)
}

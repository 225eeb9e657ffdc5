/** JWTs that look right and have no valid signature, for code that reads a token without verifying it. */

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** One moment for all tokens of a process: the same claims make the same token, also in another second. */
const now = Math.floor(Date.now() / 1000)

/**
 * A token of these claims, issued when the tests began, with five minutes to live as GitHub's have it.
 * @param claims may set `iat` and `exp` otherwise
 */
export function unsignedToken(claims: object, header: object = { alg: 'RS256', kid: 'key' }): string {
  const signature = Buffer.from('no signature at all').toString('base64url')
  return `${part(header)}.${part({ iat: now, exp: now + 300, ...claims })}.${signature}`
}

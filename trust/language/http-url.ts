/** What a URL in the configuration may be: the address of a server, without anything secret. */

/** RFC 1035 section 2.3.4. */
const MAX_HOST_CHARACTERS = 253
/** RFC 1035 section 2.3.4; the underscore is what Docker networks use in names, though RFC 1123 does not allow it. */
const HOST_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/
const IPV6 = /^\[.*\]$/

/**
 * What is wrong with a URL.
 *
 * A user name or a password in it would end up in logs and in the state. A query or a fragment is lost or misplaced as
 * soon as a path is appended.
 *
 * @param text as written in the configuration
 * @returns the end of a sentence that begins with the setting, without the URL's secrets; undefined if nothing is wrong
 */
export function httpUrlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // URL accepts "https:host" and white space around it; both are mistakes.
  if (url === undefined || !/^https?:\/\/[^/]/i.test(text) || /\s/.test(text)) return 'is not an http or https URL'
  const authority = text.replace(/^https?:\/\//i, '').split(/[/?#]/)[0] ?? ''
  if (authority.includes('@')) return 'has a user name or password in it, which logs and state would show'
  if (text.includes('?')) return 'has a query ("?..."); only scheme, host, port and path belong there'
  if (text.includes('#')) return 'has a fragment ("#..."); only scheme, host, port and path belong there'
  if (/:$|:0+$/.test(authority)) return 'has no port after ":"; a port is 1 to 65535'
  // A dot at the end makes a name absolute, so that a cluster's DNS skips its search list.
  return hostProblem(url.hostname.replace(/\.$/, ''))
}

/** What is wrong with the name of a host, in lower case; an IP address is fine. */
export function hostProblem(host: string): string | undefined {
  if (IPV6.test(host)) return undefined
  if (host.length > MAX_HOST_CHARACTERS) return `has a host of more than ${MAX_HOST_CHARACTERS} characters`
  const wrong = host.split('.').find((label) => !HOST_LABEL.test(label))
  if (wrong === undefined) return undefined
  return `has the impossible part "${wrong}" in its host: each is 1 to 63 letters, digits and "-", with "-" only inside`
}

/** A URL without what might be secret in it, for a message. */
export function withoutSecrets(text: string): string {
  return text.replace(/^(\s*[a-z][a-z0-9+.-]*:\/*)[^/?#]*@/i, '$1…@').replace(/[?#].*$/s, (rest) => `${rest[0]}…`)
}

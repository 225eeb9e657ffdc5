/** The file in which registry clients look for a login: docker's config.json, which podman and others read too. */

/** What clients present at the registry. */
export interface Credential {
  readonly token: string
  readonly session: string | undefined
}

/**
 * docker and those who read its file as docker does take `identitytoken`. What ignores it finds the session as the
 * password of the same user, which the token service takes as well (docs/clients.md).
 */
export function authEntry({ token, session }: Credential) {
  const auth = Buffer.from(`JWT:${session ?? token}`).toString('base64')
  return session === undefined ? { auth } : { auth, identitytoken: session }
}

/**
 * The file with this login. Logins at other registries stay; a `credsStore` does not, since docker would look there for
 * this login too.
 *
 * @param before the text of the file in use until now; undefined if there is none
 */
export function withLogin(before: string | undefined, registry: string, credential: Credential): string {
  const { auths, credHelpers } = read(before)
  const { [registry]: _, ...helpers } = record(credHelpers)
  return JSON.stringify({
    auths: { ...record(auths), [registry]: authEntry(credential) },
    ...(Object.keys(helpers).length === 0 ? {} : { credHelpers: helpers }),
  })
}

/** The session of a login in such a file. */
export function sessionIn(file: string, registry: string): string | undefined {
  const session = record(record(read(file).auths)[registry]).identitytoken
  return typeof session === 'string' ? session : undefined
}

function read(text: string | undefined): Record<string, unknown> {
  try {
    return record(JSON.parse(text ?? '{}'))
  } catch {
    return {} // docker itself would not read it either
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

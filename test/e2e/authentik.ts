/**
 * authentik as its administrator sees it: what an attack needs is put there, and put back afterwards. The stand-in, or
 * the authentik that stack `local` names; its API token is then in AUTHENTIK_TOKEN, as for the engine.
 */
import { readFile } from 'node:fs/promises'
import { decodeJwt } from 'jose'
import { apiTokenFile, loadSettings } from '../../local/world/settings.ts'

const { authentikUrl, standInAuthentik } = await loadSettings()

export async function apiToken(): Promise<string> {
  if (standInAuthentik) return (await readFile(apiTokenFile, 'utf8')).trim()
  const { AUTHENTIK_TOKEN: token } = process.env
  if (!token) throw new Error(`AUTHENTIK_TOKEN has to hold an API token of ${authentikUrl}; it is not set`)
  return token
}

/** Where authentik is reached from this machine. */
export { authentikUrl, standInAuthentik }

export type Row = Record<string, unknown> & { pk: string | number }

/** A call of its API; throws if the answer is not a success. */
export async function api<T = Row>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${authentikUrl}/api/v3/${path}`, {
    method,
    headers: { authorization: `Bearer ${await apiToken()}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`authentik: ${method} ${path} was answered with ${response.status}: ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

/** The one object of a kind that the query finds. */
export async function only(path: string, query: Record<string, string>): Promise<Row> {
  const { results } = await api<{ results: Row[] }>('GET', `${path}/?${new URLSearchParams(query)}`)
  const [found, ...others] = results
  if (found === undefined || others.length > 0) {
    throw new Error(`authentik: one object of ${path} was expected, ${results.length} came`)
  }
  return found
}

/** Changes an object for as long as `work` takes. */
export async function whileChanged(
  path: string,
  lookup: string | number,
  changes: Record<string, unknown>,
  work: () => Promise<void>,
): Promise<void> {
  const before = await api('GET', `${path}/${lookup}/`)
  await api('PATCH', `${path}/${lookup}/`, changes)
  try {
    await work()
  } finally {
    const previous = Object.fromEntries(Object.keys(changes).map((name) => [name, before[name]]))
    await api('PATCH', `${path}/${lookup}/`, previous)
  }
}

/** The user that authentik made for a CI job when it gave this token. */
export async function userOf(token: string): Promise<Row> {
  return (await accessToken(token)).user as Row
}

/** What authentik keeps of an access token that it gave. */
export async function accessToken(token: string): Promise<Row> {
  const { jti } = decodeJwt(token)
  for (let page = 1; page > 0; ) {
    const list = await api<{ results: Row[]; pagination: { next: number } }>(
      'GET',
      `oauth2/access_tokens/?page=${page}&page_size=100`,
    )
    const found = list.results.find(({ id_token }) => String(id_token).includes(`"${jti}"`))
    if (found !== undefined) return found
    page = list.pagination.next
  }
  throw new Error('authentik does not hold this access token')
}

/** A new user with an app password, in the groups of these names; `role` is the beginning of its name. */
export async function userWithAppPassword(
  role: string,
  groups: string[],
): Promise<{ pk: string | number; username: string; password: string }> {
  const username = `${role}-${crypto.randomUUID()}`
  const members = await Promise.all(groups.map(async (name) => (await only('core/groups', { name })).pk))
  const { pk } = await api('POST', 'core/users/', { username, name: username, groups: members })
  await api('POST', 'core/tokens/', { identifier: username, intent: 'app_password', user: pk })
  const { key } = await api<{ key: string }>('GET', `core/tokens/${username}/view_key/`)
  return { pk, username, password: key }
}

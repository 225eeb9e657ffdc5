/** The rows that expressions may query, as authentik's models show them. */
import type { JsonObject, Kind } from '../rows.ts'
import type { Store } from '../store.ts'

/** Whole kinds; of the access tokens see below. */
const SHOWN = ['groups', 'users', 'sources', 'applications', 'providers', 'policies'] as const satisfies Kind[]

/**
 * A copy of the database without its secrets: an expression's error may quote a row. Of the access tokens only those
 * that the request itself shows; an expression can ask for one by its text, and the others are secrets of others.
 */
export function rowsForExpressions(store: Store, form: URLSearchParams): JsonObject {
  const kinds = Object.fromEntries(
    SHOWN.map((kind) => [
      kind,
      store.all(kind).map((row) => {
        const { client_secret: _client, consumer_secret: _consumer, groups, ...columns } = row as unknown as JsonObject
        return kind === 'users' ? { ...columns, group_pks: groups as string[] } : columns
      }),
    ]),
  )
  const shown = new Set(form.values())
  const accessTokens = store
    .all('accessTokens')
    .filter(({ token }) => shown.has(token))
    .map(({ pk, token, provider, user }) => ({ pk, token, provider_pk: provider, user_pk: user }))
  return { ...kinds, accessTokens }
}

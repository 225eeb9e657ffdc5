/** The rows that expressions may query, as authentik's models show them. */
import type { JsonObject, Kind } from '../rows.ts'
import type { Store } from '../store.ts'

const SHOWN = ['groups', 'users', 'sources', 'applications', 'providers', 'policies'] as const satisfies Kind[]

/** A copy of the database without its secrets: an expression's error may quote a row. */
export function rowsForExpressions(store: Store): JsonObject {
  return Object.fromEntries(
    SHOWN.map((kind) => [
      kind,
      store.all(kind).map((row) => {
        const { client_secret: _client, consumer_secret: _consumer, groups, ...columns } = row as unknown as JsonObject
        return kind === 'users' ? { ...columns, group_pks: groups as string[] } : columns
      }),
    ]),
  )
}

/** Deleting, with what authentik's database does to the rows that refer to a deleted one. */
import { resources } from './resources/index.ts'
import type { Kind } from './rows.ts'
import type { Store } from './store.ts'

/** Deletes a row; rows that cannot be without it follow, others lose the reference. */
export function deleteRow(store: Store, kind: Kind, pk: string | number): void {
  store.drop(kind, pk)
  for (const resource of resources) {
    const referring = Object.entries(resource.fields).filter(
      ([, field]) => !field.virtual && field.references?.includes(kind),
    )
    for (const [name, field] of referring) {
      for (const row of store.all(resource.kind)) {
        const values = row as unknown as Record<string, unknown>
        if (field.type === 'many') values[name] = (values[name] as unknown[]).filter((entry) => entry !== pk)
        else if (values[name] !== pk) continue
        else if (field.onDelete === 'clear') values[name] = null
        else deleteRow(store, resource.kind, row.pk)
      }
    }
  }
}

/** CI users past their expiry, and access tokens past theirs: authentik's clean-up tasks. */
export function deleteExpired(store: Store, now: number): void {
  for (const token of store.all('accessTokens')) {
    if (Date.parse(token.expires) <= now) deleteRow(store, 'accessTokens', token.pk)
  }
  for (const token of store.all('staticTokens')) {
    if (token.expiring && token.expires && Date.parse(token.expires) <= now) {
      deleteRow(store, 'staticTokens', token.pk)
    }
  }
  for (const user of store.all('users')) {
    const expires = user.attributes[USER_EXPIRES]
    if (user.attributes[USER_GENERATED] === true && typeof expires === 'number' && expires * 1000 <= now) {
      deleteRow(store, 'users', user.pk)
    }
  }
}

/** Attributes by which authentik knows the users that it made itself. */
export const USER_GENERATED = 'goauthentik.io/user/generated'
export const USER_EXPIRES = 'goauthentik.io/user/expires'

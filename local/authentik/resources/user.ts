import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { defaultValues } from '../fields.ts'
import { resource } from '../resource.ts'
import { type Group, isoTime, type Json, tables, UNUSABLE_PASSWORD, type User } from '../rows.ts'
import type { Store } from '../store.ts'
import { partialGroup } from './group.ts'

/** What the server puts into a new user, whoever makes it: the API or the token endpoint. */
export function newUser(store: Store, now: number): User {
  const pk = store.nextNumber('users')
  return {
    ...defaultValues(tables.users),
    pk,
    uuid: randomUUID(),
    // Not derivable from the user, and never the same for two users.
    uid: createHash('sha256').update(`${pk}-`).update(randomBytes(32)).digest('hex'),
    date_joined: isoTime(now),
    password_change_date: isoTime(now),
    password: '',
    last_updated: isoTime(now),
  } as User
}

/** Groups of the user, with the groups above them. */
export function allGroups(store: Store, user: User): Group[] {
  const found = new Map<string, Group>()
  const visit = (pk: string): void => {
    const group = store.get('groups', pk)
    if (!group || found.has(pk)) return
    found.set(pk, group)
    group.parents.forEach(visit)
  }
  user.groups.forEach(visit)
  return [...found.values()]
}

export const isSuperuser = (store: Store, user: User) => allGroups(store, user).some((group) => group.is_superuser)

/** A user as the API shows it, also inside of other objects. */
export function presentUser(user: User, store: Store): Json {
  const { password: _secret, ...shown } = user
  return {
    ...shown,
    is_superuser: isSuperuser(store, user),
    groups_obj: user.groups.map((pk) => partialGroup(store.get('groups', pk) as Group)),
    roles_obj: [],
    avatar: avatar(user.name || user.username),
  }
}

export const users = resource<'users'>({
  kind: 'users',
  path: 'core/users',
  lookup: 'pk',
  model: 'User',
  label: 'User',
  create: (_values, { store, clock }) => newUser(store, clock()),
  saved(user, _values, { store, clock }) {
    user.last_updated = isoTime(clock())
    // The API leaves no user with an empty password; one that the token endpoint made keeps it empty until then.
    user.password = UNUSABLE_PASSWORD
    // authentik drops the tokens of a user that is deactivated; to activate it again does not bring them back.
    if (user.is_active) return
    for (const token of store.all('accessTokens')) {
      if (token.user === user.pk) store.drop('accessTokens', token.pk)
    }
  },
  present: (user, { store }) => presentUser(user, store),
})

/** Two letters in a circle, as a picture inside of the URL. */
function avatar(name: string): string {
  const initials = name
    .split(/\s+/)
    .map((word) => word.charAt(0))
    .join('')
    .slice(0, 2)
    .toUpperCase()
  const letters = initials.replace(/[^\p{L}\p{N}]/gu, '')
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><circle cx="32" cy="32" r="32" fill="#c47737"/>' +
    `<text x="32" y="42" fill="#fff" font-size="28" text-anchor="middle">${letters}</text></svg>`
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
}

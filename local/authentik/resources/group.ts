import { randomUUID } from 'node:crypto'
import { detail } from '../http.ts'
import { resource } from '../resource.ts'
import { type Group, isoTime, type Json, pick, type User } from '../rows.ts'
import type { Store } from '../store.ts'

/** The part of a group that other objects show. */
export const partialGroup = (group: Group) => pick(group, 'pk', 'num_pk', 'name', 'is_superuser', 'attributes')

const partialUser = (user: User) =>
  pick(user, 'pk', 'username', 'name', 'is_active', 'last_login', 'email', 'attributes', 'uid')

const members = (store: Store, group: Group) => store.all('users').filter((user) => user.groups.includes(group.pk))

const children = (store: Store, group: Group) =>
  store.all('groups').filter((candidate) => candidate.parents.includes(group.pk))

export const groups = resource<'groups'>({
  kind: 'groups',
  path: 'core/groups',
  lookup: 'pk',
  model: 'Group',
  label: 'Group',
  autocomplete: {
    current_model: 'authentik_core.group',
    models: {
      'authentik_core.group': {
        name: { type: 'str', nullable: false, options: null },
        is_superuser: { type: 'bool', nullable: true, options: null },
        attributes: { type: 'relation', nullable: false, options: null, relation: 'authentik_core.group_attributes' },
      },
    },
  },
  create: (_values, { store }) => ({ pk: randomUUID(), num_pk: store.nextNumber('groups') }),

  // Membership is kept with the user; a group that is saved with a list of users replaces its members.
  saved(group, values, { store, clock }) {
    const wanted = values.users as number[] | undefined
    if (!wanted) return
    for (const user of store.all('users')) setMember(user, group, wanted.includes(user.pk), clock)
  },

  present(group, { store, query }) {
    const shows = (name: string, otherwise: boolean) => (query.get(name) ?? String(otherwise)) === 'true'
    return {
      ...partialGroup(group),
      parents: group.parents,
      parents_obj: shows('include_parents', false)
        ? group.parents.map((pk) => partialGroup(store.get('groups', pk) as Group))
        : null,
      users: members(store, group).map((user) => user.pk),
      users_obj: shows('include_users', true) ? members(store, group).map(partialUser) : null,
      roles: group.roles,
      roles_obj: [],
      inherited_roles_obj: shows('include_inherited_roles', false) ? [] : null,
      children: children(store, group).map((child) => child.pk),
      children_obj: shows('include_children', false) ? children(store, group).map(partialGroup) : null,
    } as Json
  },

  actions: {
    add_user: { method: 'POST', run: (group, input, context) => changeMember(group, input, context, true) },
    remove_user: { method: 'POST', run: (group, input, context) => changeMember(group, input, context, false) },
  },
})

function changeMember(
  group: Group,
  input: Record<string, unknown>,
  { store, clock }: { store: Store; clock: () => number },
  belongs: boolean,
): undefined {
  const user = store.get('users', Number(input.pk))
  if (!user) throw detail(404, 'No User matches the given query.')
  setMember(user, group, belongs, clock)
}

function setMember(user: User, group: Group, belongs: boolean, clock: () => number): void {
  if (user.groups.includes(group.pk) === belongs) return
  user.groups = belongs ? [...user.groups, group.pk] : user.groups.filter((pk) => pk !== group.pk)
  user.last_updated = isoTime(clock())
}

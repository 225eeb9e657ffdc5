import type { Group, GroupRequest, Token, TokenRequest, User, UserRequest } from '@goauthentik/api/dist/esm/index.js'
import { orMissing } from '../api.ts'
import { inOrderOf, jsonLike, kind } from '../kind.ts'

export const group = kind<GroupRequest, Group>({
  defaults: { attributes: '{}', isSuperuser: false },
  json: ['attributes'],
  request: (wanted) => ({
    name: wanted.text('name'),
    isSuperuser: wanted.flag('isSuperuser'),
    parents: wanted.texts('parents'),
    users: wanted.numbers('users'),
    roles: wanted.texts('roles'),
    attributes: wanted.json('attributes'),
  }),
  create: (api, groupRequest) => api.core.coreGroupsCreate({ groupRequest }),
  read: (api, groupUuid) =>
    api.core.coreGroupsRetrieve({
      groupUuid,
      includeChildren: false,
      includeInheritedRoles: false,
      includeParents: false,
      includeUsers: false,
    }),
  update: (api, groupUuid, groupRequest) => api.core.coreGroupsUpdate({ groupUuid, groupRequest }),
  delete: (api, groupUuid) => api.core.coreGroupsDestroy({ groupUuid }),
  id: ({ pk }) => pk,
  state: (entity, prior) => ({
    name: entity.name,
    isSuperuser: entity.isSuperuser,
    parents: inOrderOf(prior.texts('parents'), entity.parents),
    users: inOrderOf(prior.numbers('users'), entity.users),
    roles: inOrderOf(prior.texts('roles'), entity.roles),
    attributes: jsonLike(prior.text('attributes'), entity.attributes),
  }),
  find: async (api, wanted) => (await api.core.coreGroupsList({ name: wanted.text('name') })).results[0]?.pk,
})

export const user = kind<UserRequest, User>({
  defaults: { attributes: '{}', isActive: true, path: 'users', type: 'internal' },
  json: ['attributes'],
  request: (wanted) => ({
    username: wanted.text('username'),
    name: wanted.text('name'),
    isActive: wanted.flag('isActive'),
    path: wanted.text('path'),
    type: wanted.choice('type'),
    groups: wanted.texts('groups'),
    roles: wanted.texts('roles'),
    attributes: wanted.json('attributes'),
    ...wanted.given('email'),
  }),
  create: (api, userRequest) => api.core.coreUsersCreate({ userRequest }),
  read: (api, id) => api.core.coreUsersRetrieve({ id: Number(id) }),
  update: (api, id, userRequest) => api.core.coreUsersUpdate({ id: Number(id), userRequest }),
  delete: (api, id) => api.core.coreUsersDestroy({ id: Number(id) }),
  id: ({ pk }) => String(pk),
  state: (entity, prior) => ({
    username: entity.username,
    name: entity.name,
    isActive: entity.isActive,
    path: entity.path,
    type: entity.type,
    email: entity.email,
    groups: inOrderOf(prior.texts('groups'), entity.groups),
    roles: inOrderOf(prior.texts('roles'), entity.roles),
    attributes: jsonLike(prior.text('attributes'), entity.attributes),
    ...prior.given('password'),
  }),
  after: async (api, id, wanted, prior) => {
    const password = wanted.text('password')
    if (!password || password === prior.text('password')) return
    await api.core.coreUsersSetPasswordCreate({ id: Number(id), userPasswordSetRequest: { password } })
  },
  find: async (api, wanted) => {
    const { results } = await api.core.coreUsersList({ username: wanted.text('username') })
    return results[0] && String(results[0].pk)
  },
})

export const token = kind<TokenRequest, Token>({
  defaults: { expiring: true, intent: 'api', retrieveKey: false },
  request: (wanted) => ({
    identifier: wanted.text('identifier'),
    user: wanted.number('user'),
    intent: wanted.choice('intent'),
    expiring: wanted.flag('expiring'),
    ...wanted.given('description'),
    ...(wanted.has('expires') ? { expires: new Date(wanted.text('expires')) } : {}),
  }),
  create: (api, tokenRequest) => api.core.coreTokensCreate({ tokenRequest }),
  read: (api, identifier) => api.core.coreTokensRetrieve({ identifier }),
  update: (api, identifier, tokenRequest) => api.core.coreTokensUpdate({ identifier, tokenRequest }),
  delete: (api, identifier) => api.core.coreTokensDestroy({ identifier }),
  id: ({ identifier }) => identifier,
  state: async (entity, prior, api) => {
    const retrieveKey = prior.flag('retrieveKey')
    const { identifier, expires } = entity
    const secondsLeft = expires ? Math.floor((expires.getTime() - Date.now()) / 1000) : 0
    return {
      identifier,
      user: entity.user,
      intent: entity.intent,
      description: entity.description,
      expiring: entity.expiring,
      ...prior.given('expires'),
      expiresIn: Math.max(secondsLeft, 0),
      retrieveKey,
      key: retrieveKey ? (await api.core.coreTokensViewKeyRetrieve({ identifier })).key : '',
    }
  },
  find: async (api, wanted) =>
    (await orMissing(api.core.coreTokensRetrieve({ identifier: wanted.text('identifier') })))?.identifier,
})

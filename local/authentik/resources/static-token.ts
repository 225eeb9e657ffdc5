import { randomUUID } from 'node:crypto'
import { resource, ValidationFailed } from '../resource.ts'
import { isoTime } from '../rows.ts'
import { randomText } from '../secrets.ts'
import { presentUser } from './user.ts'

/** authentik's `default_token_duration`, for tokens that expire and do not say when. */
const DEFAULT_LIFETIME_MS = 30 * 60_000

const KEY_CHARACTERS = 60

export const staticTokens = resource<'staticTokens'>({
  kind: 'staticTokens',
  path: 'core/tokens',
  lookup: 'identifier',
  model: 'Token',
  label: 'Token',
  create: (values, { user, clock }) => ({
    pk: randomUUID(),
    key: randomText(KEY_CHARACTERS),
    user: user.pk,
    ...(values.expiring === false ? {} : { expires: isoTime(clock() + DEFAULT_LIFETIME_MS) }),
  }),
  saved(token) {
    if (!token.expiring) token.expires = null
  },
  present({ key: _secret, ...token }, { store }) {
    const user = store.get('users', token.user)
    return { ...token, user_obj: user ? presentUser(user, store) : null }
  },
  actions: {
    view_key: { method: 'GET', run: (token) => ({ key: token.key }) },
    set_key: {
      method: 'POST',
      run(token, input) {
        if (typeof input.key !== 'string' || input.key === '') {
          throw new ValidationFailed({ key: ['This field is required.'] })
        }
        token.key = input.key
        return undefined
      },
    },
  },
})

import { describe, expect, it } from 'vitest'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { readGrant, scopeText } from './access.ts'

describe('readGrant', () => {
  it('reads what a token grants', () => {
    const access = [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }]
    expect(readGrant(unsignedToken({ access }))).toEqual({ access })
  })

  it.each([{}, { access: null }, { access: 'all' }, { access: [{ type: 'repository' }] }])(
    'takes %j for a token that grants nothing, as the registry does',
    (claims) => expect(readGrant(unsignedToken(claims))).toEqual({ access: [] }),
  )

  it.each(['', 'opaque', 'a.b.c'])('says nothing of %j', (token) =>
    expect(readGrant(token)).toEqual({ access: undefined }),
  )

  it('knows a session by its claims, and for whom it is', () => {
    const session = { ci: { source: 'github' }, access: [] }
    expect(readGrant(unsignedToken({ ...session, aud: ['a', 'b', 1] })).session).toEqual({ audience: ['a', 'b'] })
    expect(readGrant(unsignedToken({ ...session, aud: 'a' })).session).toEqual({ audience: [] })
    expect(readGrant(unsignedToken({ ci: null })).session).toBeUndefined()
  })
})

describe('scopeText', () => {
  it('writes scopes as clients ask for them', () => {
    const access = [
      { type: 'repository', name: 'localhost:5000/acme/app', actions: ['pull', 'push'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ]
    expect(scopeText(access)).toBe('repository:localhost:5000/acme/app:pull,push registry:catalog:*')
    expect(scopeText([])).toBe('')
  })
})

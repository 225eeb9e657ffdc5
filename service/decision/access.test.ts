import { describe, expect, it } from 'vitest'
import { unsignedToken } from '../../test/unsigned-token.ts'
import { readAccess, scopeText } from './access.ts'

describe('readAccess', () => {
  it('reads what a token grants', () => {
    const access = [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }]
    expect(readAccess(unsignedToken({ access }))).toEqual(access)
  })

  it.each([{}, { access: null }, { access: 'all' }, { access: [{ type: 'repository' }] }])(
    'takes %j for a token that grants nothing, as the registry does',
    (claims) => expect(readAccess(unsignedToken(claims))).toEqual([]),
  )

  it.each(['', 'opaque', 'a.b.c'])('says nothing of %j', (token) => expect(readAccess(token)).toBeUndefined())
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

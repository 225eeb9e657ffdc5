import { describe, expect, it } from 'vitest'
import { presented } from '../../test/presented.ts'
import { Secret } from '../secret.ts'
import type { PostForm, UpstreamAnswer } from './post-form.ts'
import { createRevoke, revocationUrl } from './revoke.ts'

const request = {
  credential: presented({ kind: 'session', jwt: new Secret('a.b.c') }),
  scopes: [],
  requestId: 'id',
}
const ok: UpstreamAnswer = { status: 200, mediaType: 'application/json', text: '{}' }

describe('createRevoke', () => {
  it('sends the client id and the session, and nothing secret of ours', async () => {
    const sent: unknown[] = []
    const ids: string[] = []
    const post: PostForm = async (form, requestId) => {
      sent.push([Object.fromEntries(form), requestId])
      return { ...ok, authentikId: 'a1' }
    }
    await createRevoke('ci-session', post)({ ...request, onAnswer: (id) => ids.push(id) })
    expect([sent, ids]).toEqual([[[{ client_id: 'ci-session', token: 'a.b.c' }, 'id']], ['a1']])
  })

  it.each<[string, Partial<UpstreamAnswer>, string]>([
    ['a confidential client', { status: 401, text: '{"error":"invalid_client"}' }, 'client_id_unknown'],
    ['an unknown client', { status: 400, text: '{"error":"invalid_client"}' }, 'client_id_unknown'],
    ['a page of a proxy', { mediaType: 'text/html', text: '<html>' }, 'upstream_unusable'],
    ['half an answer', { text: '{' }, 'upstream_unusable'],
    ['an error', { status: 500, text: '{}' }, 'upstream_unusable'],
    ['a redirect', { status: 302 }, 'upstream_unusable'],
  ])('does not take %s for a yes', async (_, answer, reason) => {
    await expect(createRevoke('ci-session', async () => ({ ...ok, ...answer }))(request)).rejects.toMatchObject({
      reason,
    })
  })
})

it.each([
  ['https://a.example/application/o/token/', 'https://a.example/application/o/revoke/'],
  ['https://a.example/application/o/token', 'https://a.example/application/o/revoke/'],
  ['https://a.example/sub/application/o/token/?x=1', 'https://a.example/sub/application/o/revoke/'],
])('authentik at %s revokes at %s', (token, revoke) => expect(revocationUrl(new URL(token)).href).toBe(revoke))

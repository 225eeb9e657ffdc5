/**
 * Who is logged in in the browser. The stand-in has no pages to log in to: instead of a session's cookie a request
 * carries the person's name and app password in Basic authentication.
 */
import { Answer, type HttpRequest } from '../http.ts'
import type { User } from '../rows.ts'
import { sameSecret } from '../secrets.ts'
import type { Store } from '../store.ts'

/** The active user with this app password, if there is one. */
export function userByPassword(username: string, password: string, store: Store, now: number): User | undefined {
  const user = store.find('users', (candidate) => candidate.username === username && candidate.is_active)
  const token = store.find(
    'staticTokens',
    (candidate) =>
      candidate.intent === 'app_password' && candidate.user === user?.pk && sameSecret(candidate.key, password),
  )
  const expired = token?.expires && Date.parse(token.expires) <= now
  return token && !expired ? user : undefined
}

/** @throws Answer 401 where the request does not carry a valid name and app password */
export function personOf(request: HttpRequest, store: Store, now: number): User {
  const [, basic = ''] = /^basic (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  const [username = '', ...password] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  const user = userByPassword(username, password.join(':'), store, now)
  if (user) return user
  throw new Answer(401, 'The stand-in has no pages to log in to: send user name and app password as Basic.', {
    'content-type': 'text/plain; charset=utf-8',
    'www-authenticate': 'Basic realm="stand-in authentik"',
  })
}

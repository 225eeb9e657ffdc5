/**
 * The job's own token, which says which job it is (docs.github.com, "OpenID Connect reference"). GitHub answers 403 for
 * a moment in a young job, 5xx on bad days, and sometimes not at all.
 */
import { type Ask, textOf } from './http.ts'

/** GitHub answers in under one. */
const TIMEOUT_SECONDS = 10
/** Between the five requests. */
const PAUSES_SECONDS = [1, 2, 4, 8]
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

export interface RunnerEndpoint {
  readonly url: string
  /** The runner's own secret. */
  readonly bearer: string
}

interface World {
  readonly ask: Ask
  readonly sleep: (seconds: number) => Promise<void>
  readonly info: (text: string) => void
}

/** @throws an error that says what to check, after five answers without a token */
export async function jobToken(endpoint: RunnerEndpoint, audience: string, world: World): Promise<string> {
  const url = new URL(endpoint.url)
  url.searchParams.set('audience', audience)
  let came = ''
  for (const pause of [...PAUSES_SECONDS, undefined]) {
    try {
      const request = { url: url.href, bearer: endpoint.bearer, timeoutSeconds: TIMEOUT_SECONDS }
      const { status, body } = await world.ask(request)
      const token = status === 200 ? textOf(body, 'value') : undefined
      if (token !== undefined && JWT.test(token)) return token
      came = `status ${status}${status === 200 ? ' without a token' : ''}`
    } catch (error) {
      came = error instanceof Error ? error.message : String(error)
    }
    if (pause === undefined) break
    world.info(`GitHub gave no token (${came}); asking again in ${pause} s`)
    await world.sleep(pause)
  }
  throw new Error(
    `GitHub gave this job no token in ${PAUSES_SECONDS.length + 1} tries; the last came to: ${came}. ` +
      'Check `permissions: { id-token: write }` and githubstatus.com, then run the job again.',
  )
}

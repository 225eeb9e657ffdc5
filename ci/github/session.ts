/** The exchange with the registry's token service: the job's token for a session, and the end of that session. */
import { type Ask, type HttpAnswer, textOf } from './http.ts'

/** The token service's own limit for a client that is not docker is 45 s. */
const TIMEOUT_SECONDS = 60
/** Where there is no answer at all, the name or the network is wrong, which waiting rarely fixes. */
const TRIES_WITHOUT_ANSWER = 5
const FIRST_PAUSE_SECONDS = 2
const LONGEST_PAUSE_SECONDS = 30
/** A GitHub token lives 5 minutes; after this wait the job asks for a new one. */
const TOKEN_AGE_SECONDS = 200
/** The token service has more clients than it can serve, authentik does not answer, or a proxy says so for them. */
const COME_BACK = new Set([429, 502, 503, 504])

const REVOCATION_TRIES = 3
const REVOCATION_TIMEOUT_SECONDS = 10

interface World {
  readonly ask: Ask
  readonly sleep: (seconds: number) => Promise<void>
  /** Seconds since any moment. */
  readonly now: () => number
  readonly info: (text: string) => void
}

export interface Login {
  /** The token that was traded. */
  readonly token: string
  /** Undefined if the registry gives none (`sessionHours: 0`). */
  readonly session: string | undefined
}

/** As the stack serves them: https, and http on this machine. */
export function registryUrl(registry: string, path: string): string {
  const scheme = /^(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(registry) ? 'http' : 'https'
  return `${scheme}://${registry}${path}`
}

/**
 * Logs in. While the registry says to come back later this goes on for as long as the job may run.
 *
 * @param newToken asks for the job's token
 * @throws an error with the registry's own sentence
 */
export async function logIn(registry: string, newToken: () => Promise<string>, world: World): Promise<Login> {
  let token = await newToken()
  let since = world.now()
  let silent = 0
  for (let pause = FIRST_PAUSE_SECONDS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_SECONDS)) {
    const answer = await exchange(registry, token, world.ask)
    if (typeof answer !== 'string' && answer.status === 200)
      return { token, session: textOf(answer.body, 'refresh_token') }
    if (typeof answer !== 'string' && !COME_BACK.has(answer.status)) throw refusal(registry, answer)
    silent = typeof answer === 'string' ? silent + 1 : 0
    if (silent === TRIES_WITHOUT_ANSWER) {
      throw new Error(`${registry} does not answer (${answer}); check the input \`registry\` and the way there.`)
    }
    const seconds = typeof answer === 'string' ? pause : Math.min(answer.retryAfter ?? pause, LONGEST_PAUSE_SECONDS)
    const came = typeof answer === 'string' ? answer : `status ${answer.status}`
    world.info(`${registry} gives no session yet (${came}); asking again in ${seconds} s`)
    await world.sleep(seconds)
    if (world.now() - since > TOKEN_AGE_SECONDS) {
      token = await newToken()
      since = world.now()
    }
  }
}

/** One exchange; a text where there was no answer. */
async function exchange(registry: string, token: string, ask: Ask): Promise<HttpAnswer | string> {
  const form = {
    grant_type: 'password',
    client_id: 'passwordless-registry-login',
    username: 'JWT',
    password: token,
    access_type: 'offline',
  }
  try {
    return await ask({ url: registryUrl(registry, '/token'), form, timeoutSeconds: TIMEOUT_SECONDS })
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function refusal(registry: string, { status, body }: HttpAnswer): Error {
  const sentence = textOf(body, 'errors', '0', 'message')
  if (sentence !== undefined) return new Error(`${registry} refuses this job: ${sentence}`)
  return new Error(
    `${registry} answered the login with status ${status}, which a token service does not; check the input \`registry\`.`,
  )
}

/**
 * Ends a session (RFC 7009).
 *
 * @returns what went wrong; undefined once the session is over
 */
export async function revoke(
  registry: string,
  session: string,
  world: Omit<World, 'now'>,
): Promise<string | undefined> {
  const form = { token: session, token_type_hint: 'refresh_token' }
  let came = ''
  for (let tries = 1; ; tries++) {
    try {
      const url = registryUrl(registry, '/revoke')
      const { status } = await world.ask({ url, form, timeoutSeconds: REVOCATION_TIMEOUT_SECONDS })
      if (status === 200) return undefined
      came = `status ${status}`
      if (!COME_BACK.has(status)) return came
    } catch (error) {
      came = error instanceof Error ? error.message : String(error)
    }
    if (tries === REVOCATION_TRIES) return came
    await world.sleep(FIRST_PAUSE_SECONDS)
  }
}

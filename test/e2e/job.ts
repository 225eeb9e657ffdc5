/** A CI job on the local world: its token, and what it knows of the registry. */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { issuersDir, ports } from '../../local/paths.ts'
import { token } from '../../local/token.ts'

/** As image names have it; the audience of CI tokens too. */
export const registry = `localhost:${ports.registry}`

/** As short as a token can live and still reach the end of a login on a busy machine. */
export const SHORT_LIFE_SECONDS = 10

/** A JWT of the shape that `platform` gives a job of `repository`; `more` as `npm run token` takes it. */
export async function jobToken(platform: 'github' | 'gitlab', repository: string, ...more: string[]): Promise<string> {
  const path = platform === 'github' ? '--repository' : '--project'
  return (await token([platform, path, repository, ...more], issuersDir, Date.now())).trim()
}

/** The same with claims of one’s own in place of the platform’s. */
export async function jobTokenWith(
  claims: Record<string, unknown>,
  platform: 'github' | 'gitlab' = 'github',
): Promise<string> {
  return jobToken(platform, 'acme/app', '--claims', JSON.stringify(claims))
}

/** Waits until a token has run out. */
export async function untilExpired(jwt: string): Promise<void> {
  const { exp = 0 } = decodeJwt(jwt)
  // The first second in which it is dead, for a clock of whole seconds too.
  await sleep(Math.max(0, (exp + 1) * 1000 - Date.now()))
}

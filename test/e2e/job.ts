/** A CI job on the local world: its token, and what it knows of the registry. */
import { issuersDir, ports } from '../../local/paths.ts'
import { token } from '../../local/token.ts'

/** As image names have it; the audience of CI tokens too. */
export const registry = `localhost:${ports.registry}`

/** A JWT of the shape that `platform` gives a job of `repository`; `more` as `npm run token` takes it. */
export async function jobToken(platform: 'github' | 'gitlab', repository: string, ...more: string[]): Promise<string> {
  const path = platform === 'github' ? '--repository' : '--project'
  return (await token([platform, path, repository, ...more], issuersDir, Date.now())).trim()
}

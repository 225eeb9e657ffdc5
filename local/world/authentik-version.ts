/** As which version the authentik of stack `local` answers, for `npm run status`. */
import { AuthentikProblem } from '../../infra/authentik/api.ts'
import { askVersion } from '../../infra/authentik/preflight.ts'
import { isOutOfSupport, isTooOld, oldestSupported } from '../../infra/authentik/version.ts'
import { type AuthentikSettings, authentikOf } from './authentik-access.ts'

/** The version, such as `2026.8.3`, or what is wrong. */
export async function authentikVersion(settings: AuthentikSettings): Promise<string> {
  try {
    const version = await askVersion(await authentikOf(settings))
    const isOld = isTooOld(version) || isOutOfSupport(version)
    return isOld ? `${version.text}, out of support: ${oldestSupported} or newer is needed` : version.text
  } catch (error) {
    if (error instanceof AuthentikProblem) return `of an unknown version: ${error.message}`
    throw error
  }
}

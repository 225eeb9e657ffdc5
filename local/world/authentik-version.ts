/** As which version the authentik of stack `local` answers, for `npm run status`. */
import { readFile } from 'node:fs/promises'
import { AuthentikProblem, authentikApi } from '../../infra/authentik/api.ts'
import { askVersion } from '../../infra/authentik/preflight.ts'
import { isOutOfSupport, isTooOld, oldestSupported } from '../../infra/authentik/version.ts'
import { runPulumi } from './pulumi.ts'
import { openRunningStack } from './running.ts'
import { apiTokenFile, type Settings } from './settings.ts'

/** In words: `2026.8.3`, or what is wrong. */
export async function authentikVersion(settings: Pick<Settings, 'authentikUrl' | 'standInAuthentik'>): Promise<string> {
  try {
    const token = settings.standInAuthentik ? (await readFile(apiTokenFile, 'utf8')).trim() : await givenToken()
    const version = await askVersion(authentikApi({ url: settings.authentikUrl, token }))
    const isOld = isTooOld(version) || isOutOfSupport(version)
    return isOld ? `${version.text}, out of support: ${oldestSupported} or newer is needed` : version.text
  } catch (error) {
    if (error instanceof AuthentikProblem) return `of an unknown version: ${error.message}`
    throw error
  }
}

/** The token by which the engine asks an authentik that is not ours; empty where there is none. */
async function givenToken(): Promise<string> {
  const { AUTHENTIK_TOKEN } = process.env
  if (AUTHENTIK_TOKEN) return AUTHENTIK_TOKEN
  const got = await runPulumi(await openRunningStack(), ['config', 'get', 'authentik:token'], { quiet: true })
  return got.exitCode === 0 ? got.stdout.trim() : ''
}

/** authentik's API as the engine reaches it for stack `local`. */
import { readFile } from 'node:fs/promises'
import { type AuthentikApi, authentikApi } from '../../infra/authentik/api.ts'
import { runPulumi } from './pulumi.ts'
import { openRunningStack } from './running.ts'
import { apiTokenFile, type Settings } from './settings.ts'

export type AuthentikSettings = Pick<Settings, 'authentikUrl' | 'standInAuthentik'>

/** @throws AuthentikProblem where the token cannot be sent */
export async function authentikOf({ authentikUrl, standInAuthentik }: AuthentikSettings): Promise<AuthentikApi> {
  const token = standInAuthentik ? (await readFile(apiTokenFile, 'utf8')).trim() : await givenToken()
  return authentikApi({ url: authentikUrl, token })
}

/** The token by which the engine asks an authentik that is not ours; empty where there is none. */
async function givenToken(): Promise<string> {
  const { AUTHENTIK_TOKEN } = process.env
  if (AUTHENTIK_TOKEN) return AUTHENTIK_TOKEN
  const got = await runPulumi(await openRunningStack(), ['config', 'get', 'authentik:token'], { quiet: true })
  return got.exitCode === 0 ? got.stdout.trim() : ''
}

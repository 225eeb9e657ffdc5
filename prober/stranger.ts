/**
 * Tries to push without any rule for it. It has to be refused, by the token service or at the latest by the registry.
 */

import type { Target } from './environment.ts'
import { mayPush, Refusal, registryToken } from './image.ts'
import { type PAUSED, type ProbeResult, timed } from './probe.ts'

export interface StrangerResult {
  readonly results: ProbeResult[] | typeof PAUSED
  /** Whether the registry would let it push; undefined where that is not known. */
  readonly admitted: boolean | undefined
}

const ADMITTED =
  'THE REGISTRY LETS A STRANGER PUSH: compare the trust rules with what was deployed (pulumi preview), and look for rules ' +
  'that match every service account of the cluster'

export async function probeAsStranger(target: Target): Promise<StrangerResult> {
  let admitted: boolean | undefined
  const result = await timed('stranger', async () => {
    const token = await tokenFor(target)
    admitted = token !== undefined && (await mayPush({ url: target.url, token }))
    if (admitted) throw new Error(ADMITTED)
  })
  return { results: typeof result === 'string' ? result : [result], admitted }
}

/** @returns undefined where the token service refuses, as it should */
async function tokenFor({ tokenService, readToken, repository }: Target): Promise<string | undefined> {
  try {
    return await registryToken(tokenService, await readToken(), `repository:${repository}:pull,push`)
  } catch (error) {
    // A refusal because of a clean-up says nothing about rules.
    if (error instanceof Refusal && error.status === 401 && error.reason !== 'cleaning_up') return undefined
    throw error
  }
}

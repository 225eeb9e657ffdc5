/**
 * The local world for the end-to-end tests: one that runs is taken over and left running, one that does not is brought
 * up first and taken away at the end.
 */
import { clusterStatus } from '../../local/kubernetes/index.ts'
import { projectDir, stateDir } from '../../local/paths.ts'
import { npm } from './npm.ts'

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  const { state } = await clusterStatus(stateDir)
  const up = await npm('up')
  if (up.code !== 0) throw new Error(`npm run up failed in ${projectDir}:\n${up.output}`)
  if (state === 'running') return undefined
  return async () => {
    const down = await npm('down')
    if (down.code !== 0) throw new Error(`npm run down failed:\n${down.output}`)
  }
}

import { clusterStatus } from '../../local/kubernetes/index.ts'
import { stateDir } from '../../local/paths.ts'
import { npm } from './npm.ts'

/** Works at the local world as it is, wherever its images are; brings one up first, and down again, where none runs. */
export async function withRunningWorld<Result>(work: () => Promise<Result>): Promise<Result> {
  const { state } = await clusterStatus(stateDir)
  if (state === 'running') return work()
  const up = await npm('up')
  if (up.code !== 0) throw new Error(`npm run up failed:\n${up.output}`)
  try {
    return await work()
  } finally {
    await npm('down')
  }
}

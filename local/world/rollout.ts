/** Waits for the Deployments of the outside world. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppsV1Api, type KubeConfig } from '@kubernetes/client-node'
import { Stop } from '../steps.ts'
import { outsideWorld } from './settings.ts'

/** Image and start take a few seconds; a volume may have to be made first. */
const READY_LIMIT_SECONDS = 90
const POLL_MILLISECONDS = 250

/** @throws Stop when it takes too long */
export async function rolledOut(config: KubeConfig, name: string): Promise<void> {
  const api = config.makeApiClient(AppsV1Api)
  const giveUp = performance.now() + READY_LIMIT_SECONDS * 1000
  for (;;) {
    const { metadata, spec, status } = await api.readNamespacedDeployment({ name, namespace: outsideWorld.namespace })
    const seen = status?.observedGeneration === metadata?.generation
    if (seen && status?.updatedReplicas === spec?.replicas && status?.availableReplicas === spec?.replicas) return
    if (performance.now() > giveUp) {
      throw new Stop(
        `The stand-in ${name} is not ready after ${READY_LIMIT_SECONDS} s. To find out why, run\n` +
          `  kubectl -n ${outsideWorld.namespace} describe pods -l app=${name}\nwith the environment of \`npm run -s status -- --env\`.`,
      )
    }
    await sleep(POLL_MILLISECONDS)
  }
}

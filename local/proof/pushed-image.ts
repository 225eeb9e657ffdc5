/**
 * A pod that runs what CI pushed: the kubelet pulls it with the token of the pod's service account, without a Secret.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CoreV1Api, type KubeConfig, type V1Pod } from '@kubernetes/client-node'
import { apply, deployment, type Manifest, RECREATE } from '../kubernetes/index.ts'
import { Stop } from '../steps.ts'

/** The namespace whose pods pull, as stacks/Pulumi.local.yaml says. */
export const DEMO_NAMESPACE = 'demo'
const NAME = 'pushed-image'
const ACCOUNT = 'app'

/** The pull takes a second; the kubelet waits 10 s before it tries again where the first try failed. */
const RUNNING_LIMIT_SECONDS = 90
const POLL_MILLISECONDS = 250

/** The objects: an account without any right in the cluster, and one pod of it. */
export function pushedImagePod(image: string): Manifest[] {
  const labels = { 'app.kubernetes.io/name': NAME }
  const metadata = { name: NAME, namespace: DEMO_NAMESPACE, labels }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: DEMO_NAMESPACE } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT, namespace: DEMO_NAMESPACE } },
    deployment(
      metadata,
      {
        serviceAccountName: ACCOUNT,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: NAME, image }],
      },
      RECREATE,
    ),
  ]
}

/**
 * Runs the image as a pod, and waits until it runs.
 *
 * @param image by digest, so that it is the very image that was pushed
 * @throws Stop with what the kubelet says
 */
export async function runPushedImage(config: KubeConfig, image: string): Promise<void> {
  await apply(config, pushedImagePod(image))
  const core = config.makeApiClient(CoreV1Api)
  const giveUp = performance.now() + RUNNING_LIMIT_SECONDS * 1000
  for (;;) {
    const labelSelector = `app.kubernetes.io/name=${NAME}`
    const { items } = await core.listNamespacedPod({ namespace: DEMO_NAMESPACE, labelSelector })
    const pods = items.filter(({ spec }) => spec?.containers[0]?.image === image)
    if (pods.some(isRunning)) return
    if (performance.now() > giveUp) {
      const why = pods.map(reason).join('; ') || 'there is no pod'
      throw new Stop(
        `No pod runs the image that was pushed, ${RUNNING_LIMIT_SECONDS} s after it should: ${why}.\n` +
          'The kubelet prints only the status of a refusal; the token service says why in its audit log.',
      )
    }
    await sleep(POLL_MILLISECONDS)
  }
}

const isRunning = ({ status }: V1Pod) => status?.phase === 'Running' && status.containerStatuses?.[0]?.ready === true

function reason({ status }: V1Pod): string {
  const waiting = status?.containerStatuses?.[0]?.state?.waiting
  return [status?.phase, waiting?.reason, waiting?.message].filter(Boolean).join(', ')
}

import { type CoreV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'

const namespace = 'passwordless-registry'

/**
 * A change of a pod makes its kubelet look at once for changed ConfigMaps too, which otherwise takes up to two minutes:
 * so the token services learn sooner that a clean-up begins or is over.
 */
export async function hurryKubelet(core: CoreV1Api): Promise<void> {
  const { items } = await core.listNamespacedPod({ namespace, labelSelector: 'app.kubernetes.io/name=token-service' })
  for (const { metadata } of items) {
    await core.patchNamespacedPod(
      { namespace, name: metadata?.name ?? '', body: { metadata: { annotations: { hurry: crypto.randomUUID() } } } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    )
  }
}

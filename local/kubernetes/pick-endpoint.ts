/** Finds the pod that stands behind a port of a Service. */
import type { V1EndpointSlice, V1ServicePort } from '@kubernetes/client-node'

/**
 * @param ports the Service's ports
 * @param slices the Service's EndpointSlices: they hold the pods' port numbers, named ports resolved
 * @param port the Service's port that is asked for
 * @returns a ready pod and the port it listens on, undefined when there is none
 */
export function pickEndpoint(
  ports: readonly V1ServicePort[],
  slices: readonly V1EndpointSlice[],
  port: number,
): { pod: string; port: number } | undefined {
  const servicePort = ports.find((candidate) => candidate.port === port)
  if (!servicePort) return undefined
  for (const slice of slices) {
    const target = slice.ports?.find(({ name }) => (name ?? '') === (servicePort.name ?? ''))
    const ready = slice.endpoints?.find(
      ({ conditions, targetRef }) => conditions?.ready !== false && targetRef?.kind === 'Pod',
    )
    if (target?.port !== undefined && ready?.targetRef?.name) return { pod: ready.targetRef.name, port: target.port }
  }
  return undefined
}

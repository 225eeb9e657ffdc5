/** https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ */
export const NAME_LABEL = 'app.kubernetes.io/name'

export const labels = (name: string) => ({
  [NAME_LABEL]: name,
  'app.kubernetes.io/part-of': 'passwordless-registry',
})

/**
 * For objects whose readiness their controller may never report: an Ingress without an address, a volume claim that
 * waits for its first pod. Pulumi does wait for the Deployments, which shows that these work.
 */
export const DO_NOT_WAIT = { 'pulumi.com/skipAwait': 'true' }

/** A pod that is not ready by then never will be; the engine's own limit is 10 minutes. */
export const DEPLOYMENT_TIMEOUTS = { create: '5m', update: '5m' }

/** What is forbidden in the cluster, over all objects of the stack. */

/** An object as a policy sees it. */
export interface Seen {
  readonly type: string
  /** In the state. */
  readonly name: string
  readonly props: Readonly<Record<string, unknown>>
}

const NETWORK_POLICY = /^kubernetes:networking\.k8s\.io\/v1:NetworkPolicy$/
const DEPLOYMENT = /^kubernetes:apps\/v1:Deployment$/
const WAY_IN = /^kubernetes:(networking\.k8s\.io\/v1:Ingress|gateway\.networking\.k8s\.io\/v1:HTTPRoute)$/

export function withoutNetworkPolicies(objects: readonly Seen[]): string | undefined {
  const has = (type: RegExp) => objects.some((object) => type.test(object.type))
  if (!has(DEPLOYMENT) || has(NETWORK_POLICY)) return undefined
  return 'no network policy restricts the pods; take `networkPolicies: false` away'
}

export function withoutTrustedProxies(objects: readonly Seen[]): string | undefined {
  if (!objects.some(({ type }) => WAY_IN.test(type))) return undefined
  const services = objects.filter(({ type, name }) => DEPLOYMENT.test(type) && name === 'token-service')
  if (services.length === 0 || services.every(({ props }) => trusts(props))) return undefined
  return (
    'requests come in through a proxy that the token service does not know, so it cannot tell its clients apart: ' +
    "pulumi config set --path 'passwordless-registry:trustedProxies[0]' 10.0.0.0/8"
  )
}

interface Deployment {
  readonly spec?: {
    readonly template?: { readonly spec?: { readonly containers?: readonly { readonly env?: readonly Variable[] }[] } }
  }
}

interface Variable {
  readonly name?: string
  readonly value?: string
}

function trusts(props: Seen['props']): boolean {
  const containers = (props as Deployment).spec?.template?.spec?.containers ?? []
  // In a preview, reading a value that is not known yet ends the policy.
  return containers.some(({ env = [] }) => env.some((one) => one.name === 'TRUSTED_PROXIES' && !!one.value))
}

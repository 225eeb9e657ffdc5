/** A stack that opens a repository to pulls without login. */
import { OpenidApi } from '@kubernetes/client-node'
import { parse, stringify } from 'yaml'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'

export const OPEN = 'acme/app/public'
const subject = 'system:serviceaccount:passwordless-registry:token-service'

/** The stack's config, with the cluster as a source, a rule for the token service's account, and a repository open. */
export async function opened(config: string): Promise<string> {
  const cluster = loadKubeconfig(layoutOf(stateDir).kubeconfig).makeApiClient(OpenidApi)
  // The client calls it a text, and has parsed it.
  const jwks: unknown = await cluster.getServiceAccountIssuerOpenIDKeyset()
  const file = parse(config)
  const setting = (name: string) => file.config[`passwordless-registry:${name}`]
  setting('sources').push({ slug: 'cluster', platform: 'oidc', issuer: 'https://kubernetes.default.svc', jwks })
  setting('trust').push({ source: 'cluster', claims: { sub: subject }, pull: [OPEN] })
  file.config['passwordless-registry:anonymousPull'] = [OPEN]
  return stringify(file)
}

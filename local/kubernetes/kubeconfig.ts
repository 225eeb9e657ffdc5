/** Writes kubeconfig files that hold all they need: a copy of the file works wherever the server is reached. */
import { stringify } from 'yaml'

export interface KubeconfigContent {
  /** URL of the API server. */
  readonly server: string
  /** Certificate of the authority that signed the server's certificate, PEM. */
  readonly authority: string
  readonly user: string
  /** The user's certificate and key, PEM. */
  readonly certificate: string
  readonly key: string
}

/** The name of cluster and context in our kubeconfigs. */
export const contextName = 'passwordless-registry'

export function kubeconfigText({ server, authority, user, certificate, key }: KubeconfigContent): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: contextName, cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [{ name: user, user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) } }],
    contexts: [{ name: contextName, context: { cluster: contextName, user } }],
    'current-context': contextName,
  })
}

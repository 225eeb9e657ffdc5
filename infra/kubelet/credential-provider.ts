/**
 * What a node needs to pull with the token of the pod's own service account: a plug-in of the kubelet, and the entry of
 * its configuration (kubernetes.io, "Configure a kubelet image credential provider"). docs/pulling.md installs both.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'

/** Name of the plug-in's file: the kubelet finds it by that. */
export const PROVIDER_NAME = 'passwordless-registry'

/**
 * @param registry host of the registry, with a port if it is not 443; its characters need no quoting in shell or JSON
 */
export function credentialProvider(registry: string): string {
  const text = readFileSync(join(import.meta.dirname, 'credential-provider.sh'), 'utf8')
  return text.replaceAll('@REGISTRY@', registry)
}

/**
 * The CredentialProviderConfig, YAML.
 *
 * Nothing is cached: the plug-in takes milliseconds, and a token is the pod's own. A pod without a service account,
 * that is a static one, pulls as if there were no plug-in.
 */
export function credentialProviderConfig(registry: string, audience: string): string {
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [
      {
        name: PROVIDER_NAME,
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        matchImages: [registry],
        defaultCacheDuration: '0s',
        tokenAttributes: {
          serviceAccountTokenAudience: audience,
          cacheType: 'Token',
          requireServiceAccount: true,
        },
      },
    ],
  })
}

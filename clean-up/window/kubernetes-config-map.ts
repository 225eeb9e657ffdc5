/** One ConfigMap at the Kubernetes API, with the token of the pod's own account. */
import type { ConfigMapStore } from './announcement.ts'

/** Milliseconds for an answer. */
const ANSWER_MS = 10_000

export interface KubernetesAccess {
  /** `https://10.0.0.1:443` */
  apiUrl: string
  namespace: string
  name: string
  readToken: () => Promise<string>
  fetch: typeof fetch
}

export function kubernetesConfigMap({ apiUrl, namespace, name, readToken, fetch }: KubernetesAccess): ConfigMapStore {
  const url = `${apiUrl}/api/v1/namespaces/${namespace}/configmaps/${name}`
  const ask = async (method: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${(await readToken()).trim()}`,
        ...(body !== undefined && { 'content-type': 'application/merge-patch+json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    if (!response.ok) {
      throw new Error(`Kubernetes answered ${method} of ConfigMap ${namespace}/${name} with status ${response.status}`)
    }
    return await response.json()
  }
  return { read: () => ask('GET'), patch: (change) => ask('PATCH', change) }
}

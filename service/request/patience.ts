/** How long a client waits for an answer before it gives up: no call is made for one that will have hung up. */
import type { Limits } from '../limits.ts'

/**
 * docker gives up after 15.0 s (seen, and `session.go` of its registry client says so), at login and at push; skopeo,
 * crane and BuildKit waited for 40 s and more.
 * @param clientId the parameter `client_id`, which docker sends at login
 * @param agent the header `User-Agent`, which it sends always
 * @returns milliseconds
 */
export function patienceMs(
  clientId: string | null,
  agent: string,
  limits: Pick<Limits, 'dockerPatienceMs' | 'clientPatienceMs'>,
): number {
  const docker = clientId === 'docker' || /^docker\//i.test(agent)
  return docker ? Math.min(limits.dockerPatienceMs, limits.clientPatienceMs) : limits.clientPatienceMs
}

/** A notification as distribution 3.1.2 sends it: recorded, with names replaced. */

export const DIGEST = `sha256:${'a'.repeat(64)}`
export const ACTOR = 'github:acme/app@refs/heads/main#42/4711;rules=1'

interface Changes {
  id?: unknown
  timestamp?: unknown
  action?: unknown
  target?: object
  request?: object
  actor?: object
}

/** One event of a call's body. */
export const notification = ({ target, request, actor, ...changes }: Changes = {}) => ({
  id: '6c1f2c2f-3a0c-4b0a-9f55-0c1a7b1a7f10',
  timestamp: '2026-11-26T23:11:08.123456789+01:00',
  action: 'push',
  target: {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: 424,
    digest: DIGEST,
    length: 424,
    repository: 'acme/app',
    url: `http://registry.example.com/v2/acme/app/manifests/${DIGEST}`,
    tag: 'v1',
    ...target,
  },
  request: {
    id: '0d3a1b9c-6f0e-4a64-8e4b-b0d1f3c5a7e9',
    addr: '10.0.0.7',
    host: 'registry.example.com',
    method: 'PUT',
    useragent: 'docker/28.2',
    ...request,
  },
  actor: { name: ACTOR, ...actor },
  source: { addr: 'registry-7d9f:5000', instanceID: 'b2f0f6f8-4f1c-4f2c-8d0b-6d2e8a0f9c11' },
  ...changes,
})

/** The body of a call. */
export const envelope = (...events: unknown[]): string => JSON.stringify({ events }, null, 3)

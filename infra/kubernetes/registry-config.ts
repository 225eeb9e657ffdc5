/** The registry's configuration file (https://distribution.github.io/distribution/about/configuration/). */
import { stringify } from 'yaml'
import { FORWARD_SECONDS, STREAM_PATH, URL_PATH } from '../../events/paths.ts'
import { EVENTS_PORT, REGISTRY_METRICS_PORT, REGISTRY_PORT } from './ports.ts'
import { REGISTRY_PATHS } from './registry-paths.ts'
import type { StorageDriver } from './storage-driver.ts'

/** From SIGTERM: uploads in flight may finish. A client sends a layer in one request, or begins it again. */
export const REGISTRY_DRAIN_SECONDS = 25

/**
 * A deletion by digest reads every tag of the repository, as many at once as there are processors: on a bucket, with
 * its 20 ms for each, retention would not end in its window.
 */
const TAG_READS = 32

export interface RegistryConfig {
  /** URL of the token service, as clients reach it. */
  realm: string
  /** The audience of registry tokens. */
  service: string
  /** The issuer of registry tokens, compared exactly. */
  issuer: string
  /** Where the images are. */
  storage: Pick<StorageDriver, 'driver' | 'redirect' | 'isShared'>
  /** Which events there are: none, those of the stream, or those that also go to a URL. */
  events?: 'stream' | 'url' | undefined
}

/** The configuration as YAML. It contains no secret: the registry reads `http.secret` from REGISTRY_HTTP_SECRET. */
export function registryConfig({ realm, service, issuer, storage, events }: RegistryConfig): string {
  return stringify({
    version: 0.1,
    log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
    storage: {
      ...storage.driver,
      // Not by default: a client may reach the registry and not the bucket.
      redirect: { disable: !storage.redirect },
      delete: { enabled: true },
      ...(storage.isShared && { tag: { concurrencylimit: TAG_READS } }),
      // No cache of blob descriptors: it would still list blobs that `registry garbage-collect` or another replica has
      // removed, and the next push of the same image skips them. Looking at the storage costs little.
      maintenance: { uploadpurging: { enabled: true, age: '168h', interval: '24h', dryrun: false } },
    },
    // A relative location of an upload is right behind any proxy, on any port, with any headers.
    http: {
      addr: `:${REGISTRY_PORT}`,
      relativeurls: true,
      draintimeout: `${REGISTRY_DRAIN_SECONDS}s`,
      headers: { 'X-Content-Type-Options': ['nosniff'] },
      debug: { addr: `:${REGISTRY_METRICS_PORT}`, prometheus: { enabled: true, path: '/metrics' } },
    },
    auth: {
      token: {
        realm,
        service,
        issuer,
        rootcertbundle: REGISTRY_PATHS.certificate,
        // The certificate alone is not enough: the registry would compute a key id that differs from authentik's.
        jwks: REGISTRY_PATHS.jwks,
        // The default list contains HS256, for which a public key could be used as the secret.
        signingalgorithms: ['ES256'],
      },
    },
    ...(events !== undefined && { notifications: { endpoints: eventEndpoints(events === 'url') } }),
    health: { storagedriver: { enabled: true, interval: '10s', threshold: 3 } },
  })
}

/** Milliseconds between two tries. For the stream there is nothing to wait for but a restart in the same pod. */
const STREAM_RETRY_MS = 250
const URL_RETRY_MS = 2_000

/**
 * The registry's queues, one for each place where events go, so that none holds up the other. Each sends one
 * notification after the other, again and again until it is taken. No headers: the registry would write them into its
 * log.
 * @param toUrl whether there is one for a URL
 */
function eventEndpoints(toUrl: boolean) {
  const endpoint = (name: string, path: string, timeoutSeconds: number, retryMs: number) => ({
    name,
    url: `http://127.0.0.1:${EVENTS_PORT}${path}`,
    timeout: `${timeoutSeconds}s`,
    // From the first failure on it waits before it tries again; up to this number it would not.
    threshold: 1,
    backoff: `${retryMs}ms`,
    // Layers: as many as manifests, times ten.
    ignore: { mediatypes: ['application/octet-stream'], actions: ['mount'] },
  })
  return [
    endpoint('stream', STREAM_PATH, 5, STREAM_RETRY_MS),
    ...(toUrl ? [endpoint('url', URL_PATH, FORWARD_SECONDS, URL_RETRY_MS)] : []),
  ]
}

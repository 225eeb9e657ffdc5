/** The registry's configuration file (https://distribution.github.io/distribution/about/configuration/). */
import { stringify } from 'yaml'
import { REGISTRY_PORT } from './ports.ts'

/** From SIGTERM: uploads in flight may finish. A client sends a layer in one request, or begins it again. */
export const REGISTRY_DRAIN_SECONDS = 25

/** Where the files of the registry are in its container. */
export const REGISTRY_PATHS = {
  files: '/etc/distribution',
  config: '/etc/distribution/config.yml',
  certificate: '/etc/distribution/certificate.pem',
  jwks: '/etc/distribution/jwks.json',
  storage: '/var/lib/registry',
} as const

export interface RegistryConfig {
  /** URL of the token service, as clients reach it. */
  realm: string
  /** The audience of registry tokens. */
  service: string
  /** The issuer of registry tokens, to the letter. */
  issuer: string
}

/** The configuration as YAML. Holds no secret: the registry takes `http.secret` from REGISTRY_HTTP_SECRET. */
export function registryConfig({ realm, service, issuer }: RegistryConfig): string {
  return stringify({
    version: 0.1,
    log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: REGISTRY_PATHS.storage },
      delete: { enabled: true },
      // No cache of blob descriptors: it still believes in blobs that `registry garbage-collect` has removed, and the
      // next push of the same image skips them. A look at the disk costs little.
      maintenance: { uploadpurging: { enabled: true, age: '168h', interval: '24h', dryrun: false } },
    },
    // Relative, the location of an upload is right behind any proxy, on any port, whatever headers it adds.
    http: {
      addr: `:${REGISTRY_PORT}`,
      relativeurls: true,
      draintimeout: `${REGISTRY_DRAIN_SECONDS}s`,
      headers: { 'X-Content-Type-Options': ['nosniff'] },
    },
    auth: {
      token: {
        realm,
        service,
        issuer,
        rootcertbundle: REGISTRY_PATHS.certificate,
        // The certificate alone would not do: the registry would compute another key id than authentik's.
        jwks: REGISTRY_PATHS.jwks,
        // The default list holds HS256, for which a public key could pass as the secret.
        signingalgorithms: ['ES256'],
      },
    },
    health: { storagedriver: { enabled: true, interval: '10s', threshold: 3 } },
  })
}

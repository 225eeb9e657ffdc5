/** Where the files of the registry are in its container. */
export const REGISTRY_PATHS = {
  files: '/etc/distribution',
  config: '/etc/distribution/config.yml',
  certificate: '/etc/distribution/certificate.pem',
  jwks: '/etc/distribution/jwks.json',
  /** Certificates that its calls trust besides the public ones. */
  authorities: '/etc/distribution-authorities',
  /** A key file for its bucket. */
  credentials: '/etc/distribution-credentials',
  storage: '/var/lib/registry',
} as const

/**
 * Where the local world keeps its things, and the loopback ports by which a person reaches it.
 *
 * Nothing is written into the checkout: a second clone finds the same tools and the same running world.
 */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The checkout. */
export const projectDir = resolve(import.meta.dirname, '..')

/** Built and downloaded tools, images, the Python environment: may be deleted at any time, costs a rebuild. */
export const cacheDir =
  process.env.PASSWORDLESS_REGISTRY_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'passwordless-registry')

/** Where Node.js keeps what it has compiled (NODE_COMPILE_CACHE): the engine starts the program and plugins anew each time. */
export const compileCacheDir = join(cacheDir, 'compiled')

/** What the running world owns: data, keys, logs, process ids, the Pulumi state. `npm run down` deletes it. */
export const stateDir = process.env.PASSWORDLESS_REGISTRY_STATE ?? '/var/lib/passwordless-registry'

/** Private signing keys of the stand-in CI platforms; `npm run token` signs with them. */
export const issuersDir = join(stateDir, 'issuers')

/** Listening on 127.0.0.1 only. */
export const ports = {
  /** The registry and `/token`, through the ingress controller. */
  registry: 15000,
  /** The stand-in authentik. */
  authentik: 15001,
  /** The stand-in CI issuers, `/github` and `/gitlab`. */
  issuers: 15002,
  kubernetes: 16443,
} as const

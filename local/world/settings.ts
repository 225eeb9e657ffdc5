/**
 * What stack `local` says about the outside world: which parts it names itself are used as they are,
 * the rest is stood in for.
 *
 * The stack's config file is the only switch. Point `authentik:url` at a real authentik, `kubernetes:context` at a
 * real cluster or a source's URLs at other issuers, and the stand-in for it is not started.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ports, projectDir, stateDir } from '../paths.ts'

/** Where the stand-ins are found from inside the cluster. */
export const outsideWorld = {
  namespace: 'outside-world',
  authentik: { service: 'authentik', port: 9000 },
  issuers: { service: 'issuers', port: 9080 },
} as const

/** The URL by which the engine, on this machine, reaches the stand-in authentik. */
export const standInAuthentikUrl = `http://127.0.0.1:${ports.authentik}`

/** Holds the API token of the stand-in authentik's administrator. */
export const apiTokenFile = join(stateDir, 'authentik', 'token')

export const stackConfigFile = join(projectDir, 'stacks', 'Pulumi.local.yaml')

export interface Settings {
  /** Name in the kubeconfig, or its path or contents; undefined: the local world starts a cluster of its own. */
  cluster: { context?: string; kubeconfig?: string } | undefined
  /** The engine's URL of authentik. */
  authentikUrl: string
  standInAuthentik: boolean
  standInIssuers: boolean
  /** Address of a given authentik on this machine's loopback that pods are to reach by the stand-in's name. */
  exposedAuthentik: string | undefined
  /** Public name of the registry, with its port. */
  host: string
  nodeImage: string
  /** Whether CI jobs are given sessions. */
  sessions: boolean
}

const stackFile = z.object({
  config: z.looseObject({
    'authentik:url': z.string().optional(),
    'kubernetes:context': z.string().optional(),
    'kubernetes:kubeconfig': z.string().optional(),
    'passwordless-registry:authentikUrl': z.string().optional(),
    'passwordless-registry:host': z.string().default(`localhost:${ports.registry}`),
    'passwordless-registry:nodeImage': z.string().default('docker.io/library/node:24-slim'),
    'passwordless-registry:sessionHours': z.coerce.number().default(6),
    'passwordless-registry:sources': z.array(z.looseObject({})).default([]),
  }),
})

const serviceName = ({ service }: { service: string }) => `${service}.${outsideWorld.namespace}.`

/** How a source names the stand-in issuers: from a pod, or from an authentik that runs on this machine. */
const issuersAddresses = [serviceName(outsideWorld.issuers), `127.0.0.1:${ports.issuers}`, `localhost:${ports.issuers}`]

/**
 * A given authentik that listens on loopback only is out of reach for pods, unless it gets the stand-in's name there.
 */
function exposed(authentikUrl: string, fromPods: string | undefined): string | undefined {
  if (authentikUrl === standInAuthentikUrl || !fromPods?.includes(serviceName(outsideWorld.authentik))) return undefined
  const { hostname, port, protocol } = new URL(authentikUrl)
  if (protocol !== 'http:' || !['127.0.0.1', 'localhost'].includes(hostname)) return undefined
  return `127.0.0.1:${port || 80}`
}

/** @throws ZodError when the file does not hold a Pulumi config at all; its values are checked by the program */
export function readSettings(text: string): Settings {
  const { config } = stackFile.parse(parse(text))
  const context = config['kubernetes:context']
  const kubeconfig = config['kubernetes:kubeconfig']
  const authentikUrl = config['authentik:url'] ?? standInAuthentikUrl
  const sources = JSON.stringify(config['passwordless-registry:sources'])
  return {
    cluster:
      context === undefined && kubeconfig === undefined
        ? undefined
        : { ...(context !== undefined && { context }), ...(kubeconfig !== undefined && { kubeconfig }) },
    authentikUrl,
    standInAuthentik: authentikUrl === standInAuthentikUrl,
    standInIssuers: issuersAddresses.some((address) => sources.includes(address)),
    exposedAuthentik: exposed(authentikUrl, config['passwordless-registry:authentikUrl']),
    host: config['passwordless-registry:host'],
    nodeImage: config['passwordless-registry:nodeImage'],
    sessions: config['passwordless-registry:sessionHours'] > 0,
  }
}

export async function loadSettings(): Promise<Settings> {
  return readSettings(await readFile(stackConfigFile, 'utf8'))
}

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
    'passwordless-registry:host': z.string().default(`localhost:${ports.registry}`),
    'passwordless-registry:nodeImage': z.string().default('docker.io/library/node:24'),
    'passwordless-registry:sessionHours': z.coerce.number().default(6),
    'passwordless-registry:sources': z.array(z.looseObject({})).default([]),
  }),
})

/** @throws ZodError when the file does not hold a Pulumi config at all; its values are checked by the program */
export function readSettings(text: string): Settings {
  const { config } = stackFile.parse(parse(text))
  const context = config['kubernetes:context']
  const kubeconfig = config['kubernetes:kubeconfig']
  const authentikUrl = config['authentik:url'] ?? standInAuthentikUrl
  const issuersHost = `${outsideWorld.issuers.service}.${outsideWorld.namespace}.`
  return {
    cluster:
      context === undefined && kubeconfig === undefined
        ? undefined
        : { ...(context !== undefined && { context }), ...(kubeconfig !== undefined && { kubeconfig }) },
    authentikUrl,
    standInAuthentik: authentikUrl === standInAuthentikUrl,
    standInIssuers: JSON.stringify(config['passwordless-registry:sources']).includes(issuersHost),
    host: config['passwordless-registry:host'],
    nodeImage: config['passwordless-registry:nodeImage'],
    sessions: config['passwordless-registry:sessionHours'] > 0,
  }
}

export async function loadSettings(): Promise<Settings> {
  return readSettings(await readFile(stackConfigFile, 'utf8'))
}

/**
 * The cluster by kind (https://kind.sigs.k8s.io), where Docker runs. Only its start differs: add-ons, forwards and
 * images are the same. kind brings DNS and a default StorageClass of its own.
 *
 * Written after kind's documentation; not run against a kind yet.
 */
import { stat, writeFile } from 'node:fs/promises'
import type { Archive } from '../images/index.ts'
import { run } from '../toolchain/command.ts'
import { contextName } from './kubeconfig.ts'

/** Pulling the node's image included. */
const CREATE_SECONDS = 600
const LIMIT = { timeoutSeconds: 120 }

/** kind prefixes the context's name. */
export const kindContext = `kind-${contextName}`

/** Makes the cluster unless it is there, and writes its kubeconfig. */
export async function startKind(kubeconfig: string): Promise<void> {
  if (!(await kindExists())) {
    await run(['kind', 'create', 'cluster', '--name', contextName, '--kubeconfig', kubeconfig, '--wait', '120s'], {
      timeoutSeconds: CREATE_SECONDS,
    })
  }
  if (!(await stat(kubeconfig).catch(() => undefined))) {
    await writeFile(kubeconfig, await run(['kind', 'get', 'kubeconfig', '--name', contextName], LIMIT), { mode: 0o600 })
  }
}

export async function loadIntoKind(archives: readonly Archive[]): Promise<void> {
  for (const { file } of archives) await run(['kind', 'load', 'image-archive', file, '--name', contextName], LIMIT)
}

async function kindExists(): Promise<boolean> {
  return (await run(['kind', 'get', 'clusters'], LIMIT)).split('\n').includes(contextName)
}

/** kind knows no cluster without its data: both go. */
export async function deleteKind(): Promise<void> {
  await run(['kind', 'delete', 'cluster', '--name', contextName], LIMIT)
}

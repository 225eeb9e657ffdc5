/** Deletes the namespace of the stack, with everything in it, and lets the stack make it again. */
import { ApiException, CoreV1Api } from '@kubernetes/client-node'
import { expect, vi } from 'vitest'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import type { Finished } from './npm.ts'

export const namespace = 'passwordless-registry'

/** Its pods end first, each with the time that it asks for. */
const GONE = { timeout: 180_000, interval: 500 }

/** @param up a `pulumi up` that refreshes the state first, since the state still has all that is gone */
export async function restoreNamespace(up: () => Promise<Finished>): Promise<void> {
  const core = loadKubeconfig(layoutOf(stateDir).kubeconfig).makeApiClient(CoreV1Api)
  await core.deleteNamespace({ name: namespace })
  await vi.waitFor(async () => {
    const found = await core.readNamespace({ name: namespace }).catch((error: unknown) => {
      if (error instanceof ApiException && error.code === 404) return undefined
      throw error
    })
    expect(found).toBeUndefined()
  }, GONE)
  const { code, output } = await up()
  expect(code, output).toBe(0)
}

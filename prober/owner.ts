/**
 * Pushes a small image, pulls it and deletes it. The image is always the same, so that the registry keeps one copy of
 * its blobs however often it comes; since each run deletes the manifest, a pull finds what this run has pushed.
 */

import type { Target } from './environment.ts'
import {
  deleteImage,
  imageOf,
  pullLayer,
  pullManifest,
  pushImage,
  Refusal,
  type Repository,
  registryToken,
} from './image.ts'
import { PAUSED, type ProbeResult, timed } from './probe.ts'

const TAG = 'probe'
const LAYER_BYTES = 16 * 1024
const layer = Buffer.alloc(LAYER_BYTES, 'passwordless-registry probes itself with these bytes.\n')
export const image = imageOf(layer)
/** Of a registry that sends clients to its bucket; the prober does not go there. */
const REDIRECT = 307

/** @returns the results of what was tried, in order; PAUSED while the registry is being cleaned up */
export async function probeAsOwner(target: Target): Promise<ProbeResult[] | typeof PAUSED> {
  let repository: Repository = { url: target.url, token: '' }
  const pushed = await timed('push', async () => {
    const scope = `repository:${target.repository}:pull,push,delete`
    const token = await registryToken(target.tokenService, await target.readToken(), scope)
    repository = { url: target.url, token }
    await pushImage(repository, image, TAG)
  })
  if (pushed === PAUSED) return PAUSED
  if (!pushed.ok) return [pushed]
  const pulled = await timed('pull', () => pull(repository))
  const deleted = await timed('delete', () => remove(repository))
  return [pushed, pulled, deleted].filter((result) => result !== PAUSED)
}

async function pull(repository: Repository): Promise<void> {
  const manifest = await pullManifest(repository, TAG)
  if (manifest.status !== 200) throw new Refusal('the pull of the manifest', manifest)
  if (manifest.body !== image.manifest) throw new Error('the manifest is not the one that was pushed')
  const blob = await pullLayer(repository, image)
  if (blob.status === REDIRECT) return
  if (blob.status !== 200) throw new Refusal('the pull of the layer', blob)
  if (blob.body !== image.layer.toString()) throw new Error('the layer is not the one that was pushed')
}

async function remove(repository: Repository): Promise<void> {
  await deleteImage(repository, image)
  const { status } = await pullManifest(repository, TAG)
  if (status !== 404) throw new Error(`the image is still there after its deletion (status ${status}, expected 404)`)
}

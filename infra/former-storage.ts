/**
 * What this stack stored its images on before this run, so that a change of `storage` never deletes any.
 *
 * A program cannot see the engine's state, but it can read the outputs of its own last run.
 */
import * as pulumi from '@pulumi/pulumi'

/** Outputs of the last run that matter here. */
export interface LastOutputs {
  /** Every run has had this one. */
  registry?: unknown
  /** In words; missing in stacks that only knew a volume. */
  storage?: unknown
  /** Whether the stack has a volume, and whether it was protected. */
  volume?: unknown
}

export type VolumeState = 'none' | 'protected' | 'deletable'

export interface ImageStorage {
  /** What becomes of the volume in this run. */
  volume: VolumeState
  warnings: string[]
}

/** As {@link imageStorage}, of this stack; logs the warnings. */
export async function readImageStorage(
  { inWords, isShared }: { inWords: string; isShared: boolean },
  deleteImages: boolean,
): Promise<ImageStorage> {
  const found = imageStorage(await lastOutputs(), { inWords, isVolume: !isShared }, deleteImages)
  // One message, since each becomes a paragraph in the engine's output.
  if (found.warnings.length > 0) void pulumi.log.warn(found.warnings.join('\n'))
  return found
}

/** The outputs of the last run; empty for a new stack. */
async function lastOutputs(): Promise<LastOutputs> {
  const name = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join('/')
  const { outputs } = await pulumi.runtime.invoke('pulumi:pulumi:readStackOutputs', { name }, { async: true })
  return outputs ?? {}
}

/**
 * @param now what the registry uses in this run, and whether that is the volume
 * @param deleteImages whether a volume that is no longer used may be deleted, by the run after the one that lifts
 *   its protection
 */
export function imageStorage(
  last: LastOutputs,
  now: { inWords: string; isVolume: boolean },
  deleteImages: boolean,
): ImageStorage {
  const isOlderStack = last.registry !== undefined && last.storage === undefined
  const before = isOlderStack ? { storage: 'the volume', volume: 'protected' } : last
  const warnings: string[] = []
  if (before.storage !== undefined && before.storage !== now.inWords) {
    warnings.push(
      `storage: the registry moves from ${before.storage} to ${now.inWords}. Nothing is copied and nothing is deleted: ` +
        `images in ${before.storage} stay there, and clients no longer find them.`,
    )
  }
  const held = deleteImages ? 'deletable' : 'protected'
  if (now.isVolume) return { volume: held, warnings }
  const hasVolume = before.volume === 'protected' || before.volume === 'deletable'
  if (!hasVolume || (before.volume === 'deletable' && deleteImages)) return { volume: 'none', warnings }
  warnings.push(
    deleteImages
      ? 'storage: the volume with former images is no longer protected; the next `pulumi up` deletes it.'
      : 'storage: the volume with former images is kept, and protected. To delete it:\n' +
          '  pulumi config set deleteImages true, and then `pulumi up` twice',
  )
  return { volume: held, warnings }
}

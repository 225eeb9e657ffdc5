/** `npm run bench -- --only bytes` */
import openWorld from '../e2e/world.ts'
import { bytes } from './bytes.ts'
import { inWords } from './ratio.ts'

/** Prints the figures; whatever they are, it has run. */
export async function bytesBench(say: (line: string) => void): Promise<void> {
  const takeAway = await openWorld()
  try {
    const { push, pull } = await bytes(say)
    say(inWords('push', push))
    say(inWords('pull', pull))
  } finally {
    await takeAway?.()
  }
}

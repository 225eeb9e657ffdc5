/** `npm run bench -- --only bytes` */
import { withRunningWorld } from '../e2e/running-world.ts'
import { bytes } from './bytes.ts'
import { inWords } from './ratio.ts'

/** Prints the figures; whatever they are, it has run. */
export async function bytesBench(say: (line: string) => void): Promise<void> {
  const { push, pull } = await withRunningWorld(() => bytes(say))
  say(inWords('push', push))
  say(inWords('pull', pull))
}

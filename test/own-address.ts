/**
 * A loopback address for one test. Where a test needs two ports side by side, or one that stays free until later, it
 * cannot ask the system for them: another program may take them first. Nothing else listens on this address.
 */
import { randomInt } from 'node:crypto'

/** Below the range from which systems give ports to whoever asks for any (Linux: 32768 to 60999). */
export const OWN_PORT = 24_013

/** One of the four million addresses 127.64.0.1 to 127.127.255.254. */
export function ownAddress(): string {
  return `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`
}

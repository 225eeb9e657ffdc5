/**
 * A refusal that takes its time. Whoever tries passwords asks again as soon as it is refused: hundreds of such
 * connections would leave the process no time to take those of others.
 * @param delayMs milliseconds
 */
export function refuseSlowly(error: Error, delayMs: number): Promise<never> {
  return new Promise((_, reject) => setTimeout(reject, delayMs, error))
}

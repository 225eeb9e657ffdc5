/**
 * How many of a rush one worker can answer while its clients wait, if none of its time is lost.
 * @param arriveMs when each asks, in order
 */
export function possibleAnswers(
  arriveMs: readonly number[],
  { workerMs, giveUpMs }: { workerMs: number; giveUpMs: number },
): number {
  let freeMs = 0
  let answered = 0
  for (const atMs of arriveMs) {
    // All wait equally long, so the first to come is the first to give up; it is best to skip those that would not be
    // served in time.
    const doneMs = Math.max(freeMs, atMs) + workerMs
    if (doneMs > atMs + giveUpMs) continue
    freeMs = doneMs
    answered += 1
  }
  return answered
}

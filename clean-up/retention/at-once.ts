/** Does something with each entry, so many at once. The first error ends it: nothing new begins, and it is thrown. */
export async function atOnce<Entry>(
  entries: readonly Entry[],
  most: number,
  work: (entry: Entry) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < entries.length) {
      const entry = entries[next++] as Entry
      try {
        await work(entry)
      } catch (error) {
        next = entries.length
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: most }, worker))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** The load in a process of its own, so that nothing else that the bench does costs it time. */
import { startChild, tellReady } from './child.ts'
import { type LoadOrder, type LoadResult, load } from './load.ts'

/** Runs orders, one at a time. */
export interface LoadProcess extends AsyncDisposable {
  run(order: LoadOrder): Promise<LoadResult>
}

/** Starts it. */
export async function startLoadProcess(): Promise<LoadProcess> {
  const child = await startChild('load-process.ts')
  return {
    run: async (order) => (await child.ask(order)) as LoadResult,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

if (import.meta.main) {
  process.on('message', async (order: LoadOrder) => process.send?.(await load(order)))
  tellReady({})
}

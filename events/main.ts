/** The entry point of the bundle. */
import { run } from './run.ts'

await run()

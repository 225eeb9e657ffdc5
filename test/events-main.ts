/** The program that makes events, with limits as its argument, in JSON: tests cannot wait for those of a deployment. */
import { limits } from '../events/limits.ts'
import { run } from '../events/run.ts'

await run({ ...limits, ...JSON.parse(process.argv[2] ?? '{}') })

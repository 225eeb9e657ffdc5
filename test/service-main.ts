/** The token service with limits as its argument, in JSON: tests cannot wait for those of a deployment. */
import { limits } from '../service/limits.ts'
import { run } from '../service/run.ts'

await run({ ...limits, ...JSON.parse(process.argv[2] ?? '{}') })

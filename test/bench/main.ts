/** The entry point of `npm run bench`. */
import { alternate } from './alternate.ts'
import { bench } from './bench.ts'
import { readOptions } from './options.ts'

// Children end with their parent, and the token service too if the end is announced.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(2))

const options = readOptions(process.argv.slice(2))
if ('help' in options) {
  process.stdout.write(options.help)
} else if ('mistake' in options) {
  process.stderr.write(`${options.mistake}\n`)
  process.exitCode = 2
} else {
  const say = (text: string) => process.stdout.write(`${text}\n`)
  try {
    // Loaded only then: it needs the local world.
    if (options.only === 'bytes') await (await import('../bytes/main.ts')).bytesBench(say)
    else process.exitCode = (await (options.alternate ? alternate : bench)(options, say)) ? 0 : 1
  } catch (error) {
    process.stderr.write(`The bench could not run: ${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 2
  }
}

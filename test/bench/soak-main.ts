/** The entry point of `npm run soak`. */
import { parseArgs } from 'node:util'
import { statusesOf } from './answer-check.ts'
import { type SoakResult, soak } from './soak.ts'
import { cycleSeconds } from './soak-faults.ts'

const help = `Runs the token service at half of its capacity while a fake authentik fails in one way after the other.

  npm run soak
  npm run soak -- --minutes 30
  npm run soak -- gateway

  gateway       instead: the stack of the local world behind a Gateway that Traefik serves; Traefik is built the first
                time, which takes 10 minutes
  --minutes N   how long (default: 5); all faults have had their turn after ${cycleSeconds} s
  --help        prints this

Exit status: 0 all was well, 1 something was not, 2 it could not run.
`

const MAX_MINUTES = 24 * 60

// Children end with their parent, and the token service too if the end is announced.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(2))

function stop(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

function options() {
  try {
    return parseArgs({
      options: { minutes: { type: 'string', default: '5' }, help: { type: 'boolean', default: false } },
      allowPositionals: true,
    })
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : error}\n\n${help}`)
  }
}

function summary({ sent, heldBack, answers, memory, upstreamCalls, problems }: SoakResult): string {
  return [
    `${sent} requests (${heldBack} more were due while all connections waited), ${statusesOf(answers)}`,
    `${upstreamCalls} calls to the upstream; memory: ${memory ?? 'unknown'}`,
    ...(problems.length === 0 ? ['All was well.'] : problems.map((problem) => `WRONG: ${problem}`)),
  ].join('\n')
}

const { values, positionals } = options()
const [name] = positionals
if (values.help) {
  process.stdout.write(help)
} else if (name !== undefined) {
  if (name !== 'gateway' || positionals.length > 1)
    stop(`There is no soak "${positionals.join(' ')}"; there is: gateway`)
  try {
    // Loaded only then: it needs the local world.
    const { gatewaySoak } = await import('../gateway/main.ts')
    process.exitCode = (await gatewaySoak((line) => process.stdout.write(`${line}\n`))) ? 0 : 1
  } catch (error) {
    stop(`The soak could not run: ${error instanceof Error ? error.message : error}`)
  }
} else {
  const minutes = Number(values.minutes)
  if (!(minutes > 0 && minutes <= MAX_MINUTES)) stop(`--minutes takes a number up to ${MAX_MINUTES}: --minutes 30`)
  try {
    const result = await soak({ seconds: minutes * 60, say: (line) => process.stdout.write(`${line}\n`) })
    process.stdout.write(`${summary(result)}\n`)
    process.exitCode = result.problems.length === 0 ? 0 : 1
  } catch (error) {
    stop(`The soak could not run: ${error instanceof Error ? error.message : error}`)
  }
}

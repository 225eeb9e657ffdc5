/** The entry point of `npm run fuzz`. */
import { parseArgs } from 'node:util'
import { ensurePython } from '../../local/toolchain/python.ts'
import { bench } from './bench.ts'
import { compare } from './compare.ts'
import { startPythonMatcher } from './python-matcher.ts'

const DEFAULT_CASES = 100_000
const LARGEST_SEED = 2 ** 31 - 1

const help = `Holds the trust matcher in TypeScript and the one in Python against each other.

  npm run fuzz
  npm run fuzz -- --cases 1000 --seed 7
  npm run fuzz -- --bench

  --cases N   how many cases (default: ${DEFAULT_CASES})
  --seed S    repeats a run: a failure names its seed (default: another one each time)
  --bench     instead prints what a decision over 1,000 rules costs
  --help      prints this

Exit status: 0 they agree, 1 they do not, 2 the question was wrong.
`

function stop(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

function wholeNumber(text: string, name: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= LARGEST_SEED) return Number(text)
  return stop(`--${name} takes a whole number up to ${LARGEST_SEED}, such as: --${name} 1000`)
}

function options() {
  try {
    return parseArgs({
      options: {
        cases: { type: 'string', default: String(DEFAULT_CASES) },
        seed: { type: 'string', default: String(Math.floor(Math.random() * LARGEST_SEED)) },
        bench: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : error}\n\n${help}`)
  }
}

const values = options()
if (values.help) {
  process.stdout.write(help)
} else {
  const cases = wholeNumber(values.cases, 'cases')
  const seed = wholeNumber(values.seed, 'seed')
  await using python = startPythonMatcher(await ensurePython())
  if (values.bench) {
    process.stdout.write(`${(await bench(python)).join('\n')}\n`)
  } else {
    const start = Date.now()
    const outcome = await compare(python, cases, seed)
    const { tally } = outcome
    if (outcome.agreed) {
      const seconds = Math.round((Date.now() - start) / 1000)
      process.stdout.write(
        `${tally.cases} cases, 0 disagreements (seed ${seed}, ${seconds} s): ${tally.matched} matched a rule, ` +
          `${tally.granted} got access, ${tally.notUnderstood} had a document that nobody may understand\n`,
      )
    } else {
      process.stdout.write(`${outcome.report}\n`)
      process.exitCode = 1
    }
  }
}

/** The entry point of `npm run fuzz`. */
import { parseArgs } from 'node:util'
import { ensurePython } from '../../local/toolchain/python.ts'
import { askAnything } from './ask.ts'
import { bench } from './bench.ts'
import { compare } from './compare.ts'
import { type PythonMatcher, startPythonMatcher } from './python-matcher.ts'

const DEFAULT_CASES = 100_000
const LARGEST_SEED = 2 ** 31 - 1

const help = `Holds the trust matcher in TypeScript and the one in Python against each other, and asks the token endpoint whatever a
client may send: it has to be answered or refused, and nothing secret may be said.

  npm run fuzz
  npm run fuzz -- --cases 1000 --seed 7
  npm run fuzz -- --bench

  --cases N   how many cases (default: ${DEFAULT_CASES})
  --seed S    repeats a run: a failure names its seed (default: another one each time)
  --part P    matchers or requests (default: both)
  --bench     instead prints what a decision over 1,000 rules costs
  --help      prints this

Exit status: 0 all is well, 1 it is not, 2 the question was wrong.
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
        part: { type: 'string' },
        bench: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : error}\n\n${help}`)
  }
}

const parts = ['matchers', 'requests'] as const

/** @returns whether they agree on every case */
async function fuzzMatchers(python: PythonMatcher, cases: number, seed: number): Promise<boolean> {
  const start = Date.now()
  const outcome = await compare(python, cases, seed)
  const { tally } = outcome
  process.stdout.write(
    outcome.agreed
      ? `${tally.cases} cases, 0 disagreements (seed ${seed}, ${secondsSince(start)} s): ${tally.matched} matched a ` +
          `rule, ${tally.granted} got access, ${tally.identified} tokens came from a source, ${tally.shared} of these by a key ` +
          `that several hold, ${tally.notUnderstood} had a document that neither may understand\n`
      : `${outcome.report}\n`,
  )
  return outcome.agreed
}

/** @returns whether every request was answered as it has to be */
async function fuzzRequests(cases: number, seed: number): Promise<boolean> {
  const start = Date.now()
  const outcome = await askAnything(cases, seed)
  const { tally } = outcome
  const reasons = [...tally.refused].toSorted(([, a], [, b]) => b - a).map(([reason, count]) => `${count} ${reason}`)
  process.stdout.write(
    outcome.well
      ? `${tally.cases} requests, 0 wrong answers, 0 secrets shown (seed ${seed}, ${secondsSince(start)} s): ` +
          `${tally.granted} got a token, ${reasons.join(', ')}\n`
      : `${outcome.report}\n`,
  )
  return outcome.well
}

const secondsSince = (start: number) => Math.round((Date.now() - start) / 1000)

const values = options()
if (values.help) {
  process.stdout.write(help)
} else {
  const cases = wholeNumber(values.cases, 'cases')
  const seed = wholeNumber(values.seed, 'seed')
  const { part } = values
  if (part !== undefined && !(parts as readonly string[]).includes(part)) stop(`--part takes ${parts.join(' or ')}`)
  await using python = startPythonMatcher(await ensurePython())
  if (values.bench) {
    process.stdout.write(`${(await bench(python)).join('\n')}\n`)
  } else {
    const well = [
      part === 'requests' || (await fuzzMatchers(python, cases, seed)),
      part === 'matchers' || (await fuzzRequests(cases, seed)),
    ]
    if (well.includes(false)) process.exitCode = 1
  }
}

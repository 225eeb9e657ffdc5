/**
 * `npm test`: prepares what the chosen parts need, runs them all even if one fails, and ends with a list of which the
 * last line is exactly `N passed, N failed`. The exit code is 1 when anything failed.
 */
import { glob, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectDir } from '../local/paths.ts'
import { ensurePackages, localWorldNeeds, monitoringNeeds, workflowNeeds } from '../local/toolchain/debian.ts'
import { ensureTools } from '../local/toolchain/index.ts'
import { ensurePython } from '../local/toolchain/python.ts'
import { parsePytest, parseVitest, summarise } from './runner/results.ts'
import { failedStep, type Outcome, runStep, type Step } from './runner/step.ts'

const help = `npm test [-- --project NAME ...]

Runs everything, or the named projects only:
  static   type check, biome, ruff
  python   the Python expressions under pytest
  unit     unit tests beside the code
  process  the token service, workflow texts and commands as processes
  engine   the real Pulumi engine against the stand-ins; beside it, transfers that take minutes
  e2e      the real cluster with real clients (Linux, as root)

  --project NAME  one of the above; may be given several times
  --no-install    name missing Debian packages instead of installing them
  --help          this text

Results go to standard output and end with "N passed, N failed".`

const projects = ['static', 'python', 'unit', 'process', 'engine', 'e2e'] as const
type Project = (typeof projects)[number]

/** Far beyond what each takes; to end what hangs. */
const limitSeconds = { static: 600, python: 300, unit: 600, process: 900, engine: 1500, slow: 1500, e2e: 2400 } as const

const { values } = parseArgs({
  options: {
    project: { type: 'string', multiple: true, default: [...projects] },
    'no-install': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const unknown = values.project.filter((name) => !(projects as readonly string[]).includes(name))

if (values.help) {
  console.log(help)
} else if (unknown.length > 0) {
  console.error(`Unknown test project ${unknown.join(', ')}; expected one of ${projects.join(', ')}.`)
  process.exitCode = 2
} else {
  const chosen = projects.filter((project) => values.project.includes(project))
  const scratch = await mkdtemp(join(tmpdir(), 'npm-test-'))
  try {
    const outcomes: Outcome[] = []
    for (const project of chosen) outcomes.push(...(await runProject(project, scratch)))
    console.log(summarise(outcomes))
    process.exitCode = outcomes.some(({ failed }) => failed > 0) ? 1 : 0
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function runProject(project: Project, scratch: string): Promise<Outcome[]> {
  let steps: Step[]
  try {
    steps = await prepare(project, scratch)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    console.error(reason)
    return [failedStep(project, `set-up: ${reason.split('\n')[0]}`)]
  }
  const announced = (step: Step) => {
    console.error(`\n▶ ${step.name}`)
    return runStep(step)
  }
  // Its slow tests wait for minutes and hardly compute.
  if (project === 'engine') return Promise.all(steps.map(announced))
  const outcomes: Outcome[] = []
  for (const step of steps) outcomes.push(await announced(step))
  return outcomes
}

async function prepare(project: Project, scratch: string): Promise<Step[]> {
  const install = !values['no-install']
  const python = await ensurePython()
  switch (project) {
    case 'static':
      return staticChecks(python)
    case 'python':
      return [await pytest(python, scratch)]
    case 'unit':
      await ensurePackages({ install, needs: localWorldNeeds.filter(({ command }) => command === 'openssl') })
      return [vitest('unit', scratch)]
    case 'process':
      await ensurePackages({ install, needs: [...workflowNeeds, ...monitoringNeeds] })
      return [vitest('process', scratch)]
    case 'engine':
      await ensurePackages({
        install,
        needs: [...localWorldNeeds.filter(({ command }) => command === 'skopeo'), ...monitoringNeeds],
      })
      await ensureTools(['pulumi', 'kubernetes-provider', 'registry', 'crane', 'skipper', 'versitygw', 'controllergen'])
      // An engine run takes more than one process; more of them at once than processors only wait for each other.
      return [vitest('engine', scratch, [`--maxWorkers=${availableParallelism()}`]), vitest('slow', scratch)]
    case 'e2e':
      await ensurePackages({ install, needs: [...localWorldNeeds, ...monitoringNeeds] })
      await ensureTools([
        'pulumi',
        'kubernetes-provider',
        'registry',
        'crane',
        'kubernetes',
        'coredns',
        'skipper',
        'buildkit',
        'conformance',
        'versitygw',
      ])
      return [vitest('e2e', scratch)]
  }
}

function staticChecks(python: string): Step[] {
  const ruff = ['-m', 'ruff', 'check', '--no-cache', '.'] as const
  const format = ['-m', 'ruff', 'format', '--no-cache', '--check', '.'] as const
  return [
    { name: 'type check', argv: ['tsc', '--project', '.'], limitSeconds: limitSeconds.static },
    { name: 'biome', argv: ['biome', 'check', '--error-on-warnings'], limitSeconds: limitSeconds.static },
    { name: 'ruff', argv: [python, ...ruff], limitSeconds: limitSeconds.static },
    { name: 'ruff format', argv: [python, ...format], limitSeconds: limitSeconds.static },
  ]
}

async function pytest(python: string, scratch: string): Promise<Step> {
  const tests: string[] = []
  for await (const test of glob('{infra,service,trust,local,test}/**/test_*.py', { cwd: projectDir })) tests.push(test)
  if (tests.length === 0) throw new Error('found no test_*.py')
  const file = join(scratch, 'pytest.xml')
  return {
    name: 'pytest',
    // Nothing is written into the checkout: no cache of pytest, Python or hypothesis.
    argv: [python, '-m', 'pytest', '-p', 'no:cacheprovider', '--import-mode=importlib', `--junitxml=${file}`, ...tests],
    environment: { PYTHONDONTWRITEBYTECODE: '1', HYPOTHESIS_STORAGE_DIRECTORY: join(scratch, 'hypothesis') },
    limitSeconds: limitSeconds.python,
    results: { file, parse: parsePytest },
  }
}

function vitest(
  project: 'unit' | 'process' | 'engine' | 'slow' | 'e2e',
  scratch: string,
  more: readonly string[] = [],
): Step {
  const file = join(scratch, `${project}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  return {
    name: `vitest ${project}`,
    argv: ['vitest', 'run', '--project', project, ...reporters, ...more],
    limitSeconds: limitSeconds[project],
    results: { file, parse: parseVitest },
  }
}

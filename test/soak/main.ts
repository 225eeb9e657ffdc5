/** The entry point of `npm run soak`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { projectDir } from '../../local/paths.ts'
import { currentStorage, type StorageKind } from '../../local/world/pulumi.ts'
import { npm } from '../e2e/npm.ts'
import { withRunningWorld } from '../e2e/running-world.ts'
import { cleanUpSoak } from './clean-up.ts'
import { isScenario, type ScenarioName, scenarios } from './scenarios.ts'
import { soak } from './soak.ts'

const HELP = `Holds a system under load while it is disturbed.

  npm run soak -- rollover   registry and token service roll over, lose a pod, and get other settings by pulumi up
  npm run soak -- rotation   pulumi up changes the key of registry tokens, twice
  npm run soak -- drain      the pods of registry and token service are evicted, one after the other, as in a drain
  npm run soak -- clean-up   half of two hundred images is removed by retention and garbage collection; takes 15 minutes
  npm run soak -- cluster    tests of the real cluster that take minutes: backup, clean-up, refreshed pull secrets
  npm run soak -- bucket     the end-to-end tests with the images on a bucket, where npm test has them on a volume
  npm run soak -- gateway    the stack of the local world behind a Gateway that Traefik serves
  npm run soak -- --minutes 30   the token service alone, while authentik fails in every way

  --pushes N   one push a second, at least so many (default: 300)

The first four run at the local world as it is, on a volume or a bucket (npm run up -- --storage s3), or bring it up and
take it away again. In the first three docker, skopeo, crane, oras and BuildKit push in turn, each image is pulled again;
the last line is \`N pushes, N failed, N wrong\`: an image is wrong if it was pulled with another digest, or is another one
or lost at the end. clean-up ends with \`N images, N removed, N % of N bytes back, N failed\`.

Exit status: 0 nothing failed and nothing was wrong, 1 something was, 2 it could not run.
`

const MAX_PUSHES = 100_000

const CLEAN_UP = 'clean-up'
type Name = ScenarioName | typeof CLEAN_UP
const isName = (name: string | undefined): name is Name => name === CLEAN_UP || isScenario(name)

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { pushes: { type: 'string', default: '300' }, help: { type: 'boolean', default: false } },
  })
  const [name, ...more] = positionals
  const pushes = Number(values.pushes)
  if (!values.help && (!isName(name) || more.length > 0)) {
    throw new Error(`expected one of ${[...Object.keys(scenarios), CLEAN_UP].join(', ')}`)
  }
  if (!Number.isInteger(pushes) || pushes < 1 || pushes > MAX_PUSHES) {
    throw new Error(`--pushes takes a whole number up to ${MAX_PUSHES}: --pushes 300`)
  }
  return { name: name as Name, pushes, help: values.help }
}

async function main(): Promise<number> {
  const { name, pushes, help } = options()
  const say = (line: string) => process.stdout.write(`${line}\n`)
  if (help) {
    process.stdout.write(HELP)
    return 0
  }
  const { lines, ok } = await withRunningWorld(() => (name === CLEAN_UP ? cleanUpSoak(say) : soak(name, pushes, say)))
  for (const line of lines) say(line)
  return ok ? 0 : 1
}

/** Vitest's own report and exit code. */
async function runTests(project: string): Promise<number> {
  const child = spawn('vitest', ['run', '--project', project], { cwd: projectDir, stdio: 'inherit' })
  const [code] = await once(child, 'close')
  return code ?? 1
}

/** Moves the world there and back. */
async function testOnBucket(): Promise<number> {
  const before = currentStorage()
  return withRunningWorld(async () => {
    await upOn('s3')
    try {
      return await runTests('bucket')
    } finally {
      await upOn(before)
    }
  })
}

async function upOn(storage: StorageKind): Promise<void> {
  const { code, output } = await npm('up', '--storage', storage)
  if (code !== 0) throw new Error(`npm run up -- --storage ${storage} failed:\n${output}`)
}

if (process.argv[2] === 'cluster') {
  process.exitCode = await runTests('cluster')
} else if (process.argv[2] === 'bucket') {
  process.exitCode = await testOnBucket()
} else if (isName(process.argv[2]) || process.argv[2] === '--help') {
  try {
    process.exitCode = await main()
  } catch (error) {
    process.stderr.write(`The soak could not run: ${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 2
  }
} else {
  await import('../bench/soak-main.ts')
}

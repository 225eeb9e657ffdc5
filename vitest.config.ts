import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** A minute of load, which the unit tests beside it would spoil. */
const soak = 'test/bench/soak.test.ts'

/** What starts the token service, a shell or one of our commands as a process, for most of its tests. */
const processes = [
  'service/*.test.ts',
  'events/process.test.ts',
  // OpenTelemetry keeps its state in the process: its tests do not share one with others.
  'service/operations/tracing.test.ts',
  'infra/workflows/*.test.ts',
  'infra/monitoring/alerts.test.ts',
  'ci/github/{login,review}.test.ts',
  'ci/gitlab/{login,review}.test.ts',
  'trust/review/review-main.test.ts',
  'local/run.test.ts',
  'test/{conformance,fuzz}/**/*.test.ts',
  'test/unit/ci-run.test.ts',
]

/** Minutes of waiting for jobs and kubelets; `npm run soak -- cluster` runs them. */
const cluster = ['test/e2e/{backup,backup-on-bucket,clean-up,pull-secret}.test.ts']

// From quick to slow; `npm test -- --project unit` runs one of them.
//   unit    beside the code, no network but loopback
//   process the token service, workflow texts and commands as processes
//   engine  the real Pulumi engine against the stand-ins, as plain processes; the token service under load
//   slow    waits more than it computes; runs beside engine
//   e2e     the real cluster, the real clients (takes over a running local world)
//   bucket  the same with the images on a bucket (`npm run soak -- bucket`): not part of `npm test`
//   cluster the same, where it takes minutes: not part of it either
//   pictures `npm run screenshots -- dashboard`: nor is this
const projects = [
  {
    name: 'unit',
    include: [
      '{adopt,clean-up,events,policy,infra,service,trust,ci,doctor,prober,local}/**/*.test.ts',
      'test/{unit,fuzz,bench,bytes,conformance,screenshots,soak}/**/*.test.ts',
    ],
    seconds: 30,
  },
  { name: 'process', include: processes, seconds: 30 },
  { name: 'engine', include: ['test/engine/**/*.test.ts', soak], seconds: 180 },
  { name: 'slow', include: ['test/slow/**/*.test.ts'], seconds: 180 },
  { name: 'e2e', include: ['test/e2e/**/*.test.ts'], seconds: 300 },
  { name: 'bucket', include: ['test/e2e/**/*.test.ts'], seconds: 300 },
  { name: 'cluster', include: cluster, seconds: 300 },
  { name: 'pictures', include: ['test/screenshots/dashboard.ts'], seconds: 300 },
]

/** They take minutes: begun last, one of them would keep all others waiting. */
const longest = ['authentik-2026.2', 'keys', 'adopt', 'clean-up', 'program'].map((name) => `engine/${name}.test.ts`)

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => longest.some((name) => moduleId.endsWith(name))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

/** They share the local world, or wait beside the engine's tests. */
const oneAtATime = ['slow', 'e2e', 'bucket', 'cluster', 'pictures']

const inWorld = ['e2e', 'bucket', 'cluster']

/** Moves the stack from a volume to a bucket itself. */
const move = 'test/e2e/object-storage.test.ts'

const runElsewhere: Record<string, string[]> = { unit: [...processes, soak], e2e: cluster, bucket: [...cluster, move] }

export default defineConfig({
  test: {
    // Tests wait for processes and timers more than they compute.
    maxWorkers: 2 * availableParallelism(),
    fsModuleCache: true,
    sequence: { sequencer: LongestFirst },
    projects: projects.map(({ name, include, seconds }) => ({
      test: {
        name,
        include,
        exclude: [...configDefaults.exclude, ...(runElsewhere[name] ?? [])],
        testTimeout: seconds * 1000,
        hookTimeout: seconds * 1000,
        // Each file gets its own copy of our modules all the same; a worker loads only those of packages once.
        isolate: name !== 'unit',
        fileParallelism: !oneAtATime.includes(name),
        globalSetup: inWorld.includes(name) ? ['test/e2e/world.ts'] : ['test/service-bundle.ts'],
      },
    })),
  },
})

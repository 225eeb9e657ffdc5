import { configDefaults, defineConfig } from 'vitest/config'

/** A minute of load, which the unit tests beside it would spoil. */
const soak = 'test/bench/soak.test.ts'

// Four rooms, from quick to slow; `npm test -- --project unit` runs one of them.
//   unit    beside the code: no process but the token service, no network but loopback
//   engine  the real Pulumi engine against the stand-ins, as plain processes; the token service under load
//   slow    waits more than it computes; runs beside engine
//   e2e     the real cluster, the real clients (takes over a running local world)
const projects = [
  {
    name: 'unit',
    include: [
      '{clean-up,infra,service,trust,ci,doctor,local}/**/*.test.ts',
      'test/{unit,fuzz,bench,bytes,conformance}/**/*.test.ts',
    ],
    seconds: 30,
  },
  { name: 'engine', include: ['test/engine/**/*.test.ts', soak], seconds: 180 },
  { name: 'slow', include: ['test/slow/**/*.test.ts'], seconds: 180 },
  { name: 'e2e', include: ['test/e2e/**/*.test.ts'], seconds: 300 },
]

export default defineConfig({
  test: {
    projects: projects.map(({ name, include, seconds }) => ({
      test: {
        name,
        include,
        exclude: name === 'unit' ? [...configDefaults.exclude, soak] : configDefaults.exclude,
        testTimeout: seconds * 1000,
        hookTimeout: seconds * 1000,
        fileParallelism: name === 'unit',
        globalSetup: name === 'e2e' ? ['test/e2e/world.ts'] : ['test/service-bundle.ts'],
      },
    })),
  },
})

/** `npm run preview`: what `pulumi up` would change on the running local world; fails when that is anything. */
import { parseArgs } from 'node:util'
import { runCommand, Stop } from './steps.ts'
import { runPulumi } from './world/pulumi.ts'
import { openRunningStack } from './world/running.ts'

const HELP = `Shows what \`pulumi up\` would change on stack local, and exits with 1 if that is anything.

  npm run preview
  npm run preview -- --diff    and in which fields
`

const { values } = parseArgs({ options: { help: { type: 'boolean' }, diff: { type: 'boolean' } } })

await runCommand(async () => {
  if (values.help) return void process.stdout.write(HELP)
  const stack = await openRunningStack()
  const args = ['preview', '--expect-no-changes', ...(values.diff ? ['--diff'] : [])]
  if ((await runPulumi(stack, args)).exitCode !== 0) {
    throw new Stop(
      'The stack differs from the program, or cannot be read; see above. `npm run up` brings it up to date.',
    )
  }
})

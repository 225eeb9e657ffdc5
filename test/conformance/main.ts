/** The entry point of `npm run conformance`. */
import { parseArgs } from 'node:util'
import { runCommand } from '../../local/steps.ts'
import openWorld from '../e2e/world.ts'
import { conformance } from './conformance.ts'
import { summarise } from './verdict.ts'

const help = `Runs the conformance suite of the OCI distribution specification through ingress and token service of the local
world, with a CI token, and again at a registry of the same build without anything in front of it.

  npm run conformance

A world that runs is used and left running; otherwise one is brought up and taken away. A failure is allowed only where
the registry alone fails in the same way, for a reason listed in test/conformance/verdict.ts. It ends with
"N passed, N failed, N allowed"; the exit status is 0 only with 0 failed.
`

const { values } = parseArgs({ options: { help: { type: 'boolean' } } })

await runCommand(async () => {
  if (values.help) return void process.stdout.write(help)
  const takeAway = await openWorld()
  try {
    const { verdict, tested, bare } = await conformance()
    const own = [tested, bare].map(({ ownCount }) => `${ownCount.passed} of ${ownCount.tests}`)
    process.stdout.write(`with the suite's groups of tests: ${own[0]} passed; at the registry alone: ${own[1]}\n`)
    process.stdout.write(`${summarise(verdict)}\n`)
    process.exitCode = verdict.failed.length === 0 ? 0 : 1
  } finally {
    await takeAway?.()
  }
})

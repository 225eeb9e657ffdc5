/** The entry point of `npm run adopt`; run from the checkout's root, as npm does. Needs the Pulumi CLI on PATH. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { runAdopt } from './adopt-command.ts'

/** Standard error and questions (a passphrase) are the person's; what it prints is for this program alone. */
async function pulumi(args: readonly string[]) {
  const child = spawn('pulumi', [...args], {
    stdio: ['inherit', 'pipe', 'inherit'],
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: 'true' },
  })
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  return { exitCode: typeof code === 'number' ? code : 1, stdout }
}

// Pulumi gets it too, ends in good order, and its exit status says that it did not finish.
process.on('SIGINT', () => {})
process.exitCode = await runAdopt(process.argv.slice(2), {
  pulumi,
  env: process.env,
  print: (words) => process.stdout.write(words),
})

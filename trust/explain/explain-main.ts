/** The entry point of `npm run explain`; run from the checkout's root, as npm does. */
import { readFileSync } from 'node:fs'
import { runExplain } from './explain-command.ts'

const STANDARD_INPUT = 0

const { exitCode, text } = runExplain(process.argv.slice(2), {
  readFile: (path) => readFileSync(path, 'utf8'),
  readStandardInput: () => readFileSync(STANDARD_INPUT, 'utf8'),
  now: () => Date.now() / 1000,
})
if (exitCode === 2) process.stderr.write(text)
else process.stdout.write(text)
process.exitCode = exitCode

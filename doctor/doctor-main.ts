/** The entry point of `npm run doctor`; run from the checkout's root, as npm does. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { runDoctor } from './doctor-command.ts'

const STANDARD_INPUT = 0
const KUBECTL_MS = 30_000

const { exitCode, text } = await runDoctor(process.argv.slice(2), {
  readFile: (path) => readFileSync(path, 'utf8'),
  readStandardInput: () => readFileSync(STANDARD_INPUT, 'utf8'),
  env: process.env,
  kubectl: async (args) => (await promisify(execFile)('kubectl', [...args], { timeout: KUBECTL_MS })).stdout,
})
if (exitCode === 2) process.stderr.write(text)
else process.stdout.write(text)
process.exitCode = exitCode

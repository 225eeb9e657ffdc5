/** The entry point of `npm run monitoring`. */
import { runMonitoring } from './monitoring-command.ts'

const { exitCode, text } = runMonitoring(process.argv.slice(2))
if (exitCode === 0) process.stdout.write(text)
else process.stderr.write(text)
process.exitCode = exitCode

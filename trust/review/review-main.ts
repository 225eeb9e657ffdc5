/** The entry point of `npm run review`; run from the checkout's root, as npm does. */
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { MAX_AUDIT_BYTES } from './jobs-seen.ts'
import { runReview } from './review-command.ts'

const STANDARD_INPUT = 0
/** A stack's file with 5,000 rules has less than 2 MB. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

function git(...args: string[]): string {
  return execFileSync('git', args, {
    encoding: 'utf8',
    maxBuffer: MAX_FILE_BYTES,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

const { exitCode, text } = runReview(process.argv.slice(2), {
  commit: (revision) => {
    try {
      return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`).trim()
    } catch {
      return undefined
    }
  },
  list: (commit, folder) =>
    git('ls-tree', '--name-only', '-z', commit, '--', `${folder}/`)
      .split('\0')
      .filter(Boolean)
      .map((path) => path.slice(folder.length + 1)),
  // From this folder on, which may lie below the root of the repository.
  show: (commit, path) => git('show', `${commit}:./${path}`),
  readAudit: (path) => {
    if (path !== '-' && statSync(path).size > MAX_AUDIT_BYTES) {
      throw new Error(`${path} is larger than ${MAX_AUDIT_BYTES / 1024 / 1024} MiB; pass its latest part`)
    }
    return readFileSync(path === '-' ? STANDARD_INPUT : path, 'utf8')
  },
})
if (exitCode === 2) process.stderr.write(text)
else process.stdout.write(text)
process.exitCode = exitCode

/** docs/reviewing.md: the audit log of the deployed token service is what a review reads. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { projectDir } from '../../local/paths.ts'
import { type JobSeen, readJobsSeen } from '../../trust/review/jobs-seen.ts'
import { jobToken } from './job.ts'
import { npm, start } from './npm.ts'
import { stackEnvironment } from './stack-environment.ts'
import { askToken, job, newPush } from './token-client.ts'

it('the log that kubectl gives has the claims and the questions of jobs', async () => {
  const page = await readFile(join(projectDir, 'docs/reviewing.md'), 'utf8')
  const [command = ''] = /^kubectl .*$/m.exec(page) ?? []
  const dir = await mkdtemp(join(tmpdir(), 'reviewing-'))
  const scope = newPush()
  await askToken(job(await jobToken('github', 'acme/app')), [scope])

  const { code, output } = await start(['bash', '-euc', `cd ${dir}; ${command}`], await stackEnvironment()).finished
  expect(code, output).toBe(0)
  const log = join(dir, 'audit.log')
  const sources = [
    { slug: 'github', platform: 'github' as const, issuer: 'https://token.actions.githubusercontent.com' },
  ]
  const { jobs } = readJobsSeen(await readFile(log, 'utf8'), sources)
  const seen = jobs.find(({ asked }: JobSeen) => asked.has(scope))
  expect(seen).toMatchObject({ isVerified: true, claims: { repository: 'acme/app', repository_owner_id: '501' } })

  const review = await npm('review', '--base', 'HEAD', '--audit', log)
  expect(review.output).toContain('No stack changes whom it trusts.')
  expect(review.code).toBe(0)
  await rm(dir, { recursive: true })
})

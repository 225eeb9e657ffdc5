import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
let repository: string
const git = (...args: string[]) =>
  run('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], { cwd: repository })
const review = (...args: string[]) =>
  run(process.execPath, [join(root, 'trust/review/review-main.ts'), ...args], { cwd: repository })

beforeAll(async () => {
  repository = await mkdtemp(join(tmpdir(), 'review-'))
  await git('init', '--quiet', '--initial-branch=main')
  await cp(join(root, 'Pulumi.yaml'), join(repository, 'Pulumi.yaml'))
  await git('add', 'Pulumi.yaml')
  await git('commit', '--quiet', '-m', 'no stack yet')
  await mkdir(join(repository, 'stacks'))
  const example = await readFile(join(root, 'stacks/Pulumi.example.yaml'), 'utf8')
  await writeFile(join(repository, 'stacks/Pulumi.prod.yaml'), example)
  await git('add', 'stacks')
  await git('commit', '--quiet', '-m', 'a stack')
  await writeFile(join(repository, 'stacks/Pulumi.prod.yaml'), example.replace('id: "501"', 'id: "502"'))
  await git('commit', '--quiet', '-am', 'another owner')
})
afterAll(() => rm(repository, { recursive: true, force: true }))

test('reads both revisions from git, not the files that lie there', async () => {
  await writeFile(join(repository, 'stacks/Pulumi.prod.yaml'), 'not: [yaml')
  const { stdout } = await review('--base', 'HEAD~1')
  expect(stdout).toMatch(/### Who gains\n\n- `push to {repository} .* of owner 502/)
  expect(stdout).toMatch(/### Who loses\n\n- `push to {repository} .* of owner 501/)
})
test('a revision may have no stacks at all', async () => {
  const { stdout } = await review('--base', 'main~2', '--head', 'main~1')
  expect(stdout).toMatch(/### Who gains\n\n- `push to {repository} .* of owner 501/)
})
test('reads an audit log', async () => {
  const claims = {
    repository: 'acme/app',
    repository_owner: 'acme',
    repository_owner_id: '501',
    ref: 'refs/heads/main',
  }
  await writeFile(join(repository, 'audit.log'), `${JSON.stringify({ source: 'github', claims })}\n`)
  const { stdout } = await review('--base', 'main~1', '--head', 'main', '--audit', 'audit.log')
  expect(stdout).toContain('1 different jobs in the audit log; something changes for 1.')
})
test('exits with 2 where it cannot say', async () => {
  await expect(review('--base', 'gone')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('"gone"') })
})

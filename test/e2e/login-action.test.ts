/** docs/pushing.md: the GitHub action as the runner runs it, at the deployed registry. */
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { answering, startJob } from '../../ci/github/action.fixture.ts'
import { sessionIn } from '../../ci/github/client-config.ts'
import { answerJson } from '../fake-upstream.ts'
import { jobToken, registry } from './job.ts'
import { newPush, refresh } from './token-client.ts'

it('logs a job in with a session that pushes, and leaves nothing on the runner', async () => {
  await using github = await answering(answerJson(200, { value: await jobToken('github', 'acme/app') }))
  await using job = await startJob({
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://${github.host}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret',
  })
  const { code, printed, outputs, variables } = await job.main({ registry })
  expect(code, printed).toBe(0)
  expect(outputs.image).toBe(`${registry}/acme/app`)
  const session = sessionIn(await readFile(variables.REGISTRY_AUTH_FILE ?? '', 'utf8'), registry)
  const scope = newPush()
  expect((await refresh(session ?? '', [scope])).granted).toEqual([scope])
  expect((await job.post()).code).toBe(0)
  await expect(readFile(variables.REGISTRY_AUTH_FILE ?? '')).rejects.toThrow('ENOENT')
})

/** docs/operating.md, "Is it well?": the doctor at the deployed registry, from outside, and in its pods. */
import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { ensureTool } from '../../local/toolchain/index.ts'
import { jobToken } from './job.ts'
import { start } from './npm.ts'
import { stackEnvironment } from './stack-environment.ts'

it('finds nothing wrong with the local world, and pushes and pulls through a slow upload', async () => {
  const kubectl = dirname(await ensureTool('kubernetes'))
  const env = {
    ...(await stackEnvironment()),
    CI_TOKEN: await jobToken('github', 'acme/app'),
    KUBECONFIG: layoutOf(stateDir).kubeconfig,
    PATH: `${kubectl}:${process.env.PATH}`,
  }
  // Shorter than a person would let it take: 90 s is what clusters are asked.
  const command =
    'printf %s "$CI_TOKEN" | npm run -s doctor -- --stack local --cluster --token - --upload-seconds 5 --json'
  const { code, stdout, output } = await start(['bash', '-euc', command], env).finished
  expect(output).toContain('"check"')
  const { findings } = JSON.parse(stdout)
  const checks = (state: string) => findings.filter((one: { state: string }) => one.state === state)
  // From here the issuers' keys are behind the cluster's own names; authentik has them.
  expect(checks('wrong')).toEqual([])
  expect(checks('ok').map(({ check }: { check: string }) => check)).toEqual(
    expect.arrayContaining(['registry', 'stranger', 'issuer', 'rules', 'login', 'push', 'pull']),
  )
  for (const what of ['version', 'rules', 'keys']) {
    expect(checks('ok')).toContainEqual(
      expect.objectContaining({ check: expect.stringMatching(`^${what} of pod/token-service-`) }),
    )
  }
  expect(code).toBe(0)
})

/** Repositories that the stack opens: anybody pulls them without login, and nothing else. */
import { rm } from 'node:fs/promises'
import { OpenidApi } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { $ } from 'zx'
import { loadKubeconfig } from '../../local/kubernetes/api.ts'
import { layoutOf } from '../../local/kubernetes/layout.ts'
import { stateDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage } from '../../local/proof/image.ts'
import { upWith } from './changed-stack.ts'
import { jobToken, registry } from './job.ts'
import { npm } from './npm.ts'
import { askToken } from './token-client.ts'

const OPEN = 'acme/app/public'
const subject = 'system:serviceaccount:passwordless-registry:token-service'
let layout: string

/** The stack's config, with the cluster as a source, a rule for the token service's account, and a repository open. */
async function opened(config: string): Promise<string> {
  const cluster = loadKubeconfig(layoutOf(stateDir).kubeconfig).makeApiClient(OpenidApi)
  // The client calls it a text, and has parsed it.
  const jwks: unknown = await cluster.getServiceAccountIssuerOpenIDKeyset()
  const file = parse(config)
  const setting = (name: string) => file.config[`passwordless-registry:${name}`]
  setting('sources').push({ slug: 'cluster', platform: 'oidc', issuer: 'https://kubernetes.default.svc', jwks })
  setting('trust').push({ source: 'cluster', claims: { sub: subject }, pull: [OPEN] })
  file.config['passwordless-registry:anonymousPull'] = [OPEN]
  return stringify(file)
}

beforeAll(async () => {
  layout = await makeImage({ layers: 1, bytes: 50_000 })
  await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
  expect(await client.push(layout, `${OPEN}:1`)).toMatchObject({ exitCode: 0 })
})
afterAll(async () => {
  await rm(layout, { recursive: true, force: true })
  const { code, output } = await upWith((config) => config)
  expect(code, output).toBe(0)
  expect((await npm('preview')).code).toBe(0)
})

describe('without login', () => {
  const inspect = (repository: string) =>
    $({
      quiet: true,
      nothrow: true,
    })`skopeo inspect --no-creds --tls-verify=false --raw docker://${registry}/${repository}`

  it('nothing is open by default', async () => {
    const { exitCode, stderr } = await inspect(`${OPEN}:1`)
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain('Log in first')
  })

  it('what the stack names can be pulled, and nothing else', async () => {
    const up = await upWith(opened)
    expect(up.code, up.output).toBe(0)
    const { exitCode, stdout, stderr } = await inspect(`${OPEN}:1`)
    expect(exitCode, stderr).toBe(0)
    expect(JSON.parse(stdout)).toHaveProperty('layers')

    const closed = await inspect('acme/app:1')
    expect(closed.exitCode).not.toBe(0)
    expect(closed.stderr).toContain('Nothing of this is open without login')
    const pushed = await askToken(undefined, [`repository:${OPEN}:pull,push`])
    expect(pushed).toMatchObject({ status: 401, token: '' })
    expect(pushed.reason).toMatch(/push to "acme\/app\/public" is not granted without login; log in first/)
    expect(await askToken(undefined, [`repository:${OPEN}:push`])).toMatchObject({ status: 401, token: '' })
  })
})

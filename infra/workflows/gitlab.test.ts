/**
 * The pipeline for GitLab, checked against GitLab's own schema and run by gitlab-ci-local with stubs of the builders.
 */
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { runGitlabCiLocal } from '../../test/gitlab-ci-local.ts'
import { gitlabCi } from './gitlab.ts'

const place = { host: 'registry.example.com:8443', audience: 'https://registry.example.com/x?y=1#z' }
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'

/** Whatever GitLab reads as something else than a job: https://docs.gitlab.com/ci/yaml/, "Keywords" and "Jobs". */
const KEYWORDS = ['after_script', 'before_script', 'cache', 'default', 'image', 'include', 'pages', 'services', 'spec']
KEYWORDS.push('stages', 'types', 'variables', 'workflow', 'true', 'false', 'nil')

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitlab-ci-'))
  await mkdir(join(folder, 'bin'))
  // What the builders are called with, and whether a login is left for them to find.
  const stub = `#!/bin/sh
printf '%s %s\\n' "$(basename "$0")" "$*" >> "${folder}/calls"
case $1 in login) cat > "$DOCKER_CONFIG/config.json"; cp "$DOCKER_CONFIG/config.json" "${folder}/password" ;; esac
[ "$1" != push ] || [ -z "$STUB_FAILS" ] || exit 7
`
  for (const tool of ['docker', 'buildah']) await writeFile(join(folder, 'bin', tool), stub, { mode: 0o755 })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const local = (pipeline: string, args: readonly string[] = [], env: Record<string, string> = {}) =>
  runGitlabCiLocal(folder, pipeline, args, env)

describe('the text', () => {
  const pipeline = parse(gitlabCi(place))

  it("passes GitLab's schema, which refuses a job that is called image", async () => {
    const good = await local(gitlabCi(place), ['--list'])
    expect(good.code, good.printed).toBe(0)
    expect(good.printed).toContain('push-image')
    const bad = await local(gitlabCi(place).replace('\npush-image:', '\nimage:'), ['--list'])
    expect(bad.code, bad.printed).not.toBe(0)
    expect(bad.printed).toContain('image')
  })

  it('has jobs only, none of them named after a keyword', () => {
    expect(Object.keys(pipeline).filter((name) => KEYWORDS.includes(name))).toEqual([])
    expect(Object.keys(pipeline)).toEqual(['.passwordless', 'push-image', '.push-image-with-buildah'])
  })

  it('names registry and audience', () => {
    expect(pipeline['.passwordless'].id_tokens).toEqual({ REGISTRY_TOKEN: { aud: place.audience } })
    expect(pipeline['.passwordless'].variables).toMatchObject({ REGISTRY: place.host })
  })
})

// The service is a Docker engine, for which a stub of the client has no use.
describe.each([
  ['docker', gitlabCi(place).replace('  services:\n    - docker:29-dind\n', '')],
  [
    'buildah',
    gitlabCi(place).replace('\npush-image:', '\n.unused:').replace('.push-image-with-buildah:', 'push-image:'),
  ],
])('the job with %s', (tool, pipeline) => {
  const variables = ['--variable', `REGISTRY_TOKEN=${TOKEN}`]
  const run = (more: string[] = [], env = {}) =>
    local(pipeline, ['--force-shell-executor', ...variables, ...more, 'push-image'], env)

  it('logs in with the token on standard input, builds, pushes, and leaves no login behind', async () => {
    const { code, printed } = await run()
    expect(code, printed).toBe(0)
    const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n')
    expect(calls[0]).toBe(`${tool} login --username JWT --password-stdin ${place.host}`)
    expect(calls[1]).toMatch(new RegExp(`^${tool} build --tag ${place.host}/acme/my-app:[0-9a-f]{8} \\.$`))
    expect(calls[2]).toMatch(new RegExp(`^${tool} push ${place.host}/acme/my-app:[0-9a-f]{8}$`))
    expect(await readFile(join(folder, 'password'), 'utf8')).toBe(TOKEN)
    await expect(leftLogins()).resolves.toEqual([])
  })

  it('leaves no login behind where the push fails', async () => {
    const { code } = await run([], { STUB_FAILS: 'yes' })
    expect(code).not.toBe(0)
    await expect(leftLogins()).resolves.toEqual([])
  })

  it('says so where GitLab gave no token', async () => {
    const { code, printed } = await run(['--variable', 'REGISTRY_TOKEN='])
    expect(code).not.toBe(0)
    expect(printed).toContain('GitLab gave this job no token')
  })
})

/** Files named as a login is, anywhere below the folder. */
async function leftLogins(): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob('**/{config,auth}.json', { cwd: folder })) found.push(file)
  return found
}

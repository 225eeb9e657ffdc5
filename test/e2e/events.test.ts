/** docs/events.md: what a push to the deployed registry leaves in the stream, read by the page's own command. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CloudEvent } from '../../events/cloud-event.ts'
import { githubClaims } from '../../local/issuers/github.ts'
import { projectDir } from '../../local/paths.ts'
import { logIn } from '../../local/proof/clients.ts'
import { makeImage, manifestDigest } from '../../local/proof/image.ts'
import { jobToken, registry } from './job.ts'
import { start } from './npm.ts'
import { stackEnvironment } from './stack-environment.ts'

/** An event is in the stream so long after what it tells of. */
const LATE_MS = 2_000

let work: string
let layout: string
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'events-test-'))
  layout = await makeImage({ layers: 1, bytes: 50_000 })
})
afterAll(async () => {
  for (const dir of [work, layout]) await rm(dir, { recursive: true, force: true })
})

it('a push is one event with the page of its job, and a pull by tag another', async () => {
  const tag = `event-${Date.now()}`
  await using client = await logIn('crane', registry, await jobToken('github', 'acme/app'))
  expect((await client.push(layout, `acme/app:${tag}`)).exitCode).toBe(0)
  expect((await client.pull(`acme/app:${tag}`, join(work, 'pulled'))).exitCode).toBe(0)

  const page = await readFile(join(projectDir, 'docs/events.md'), 'utf8')
  const [command = ''] = /^kubectl .* > events\.jsonl$/m.exec(page) ?? []
  // The time at which the container wrote each line comes first.
  const timed = command.replace(' logs ', ' logs --timestamps ')
  const environment = await stackEnvironment()
  const lines = async () => {
    const { code, output } = await start(['bash', '-euc', `cd ${work}; ${timed}`], environment).finished
    expect(code, output).toBe(0)
    const text = await readFile(join(work, 'events.jsonl'), 'utf8')
    return text.split('\n').flatMap((line) => {
      const [, written = '', json = ''] = /^(\S+) (\{.*\})$/.exec(line) ?? []
      const event = json === '' ? undefined : (JSON.parse(json) as CloudEvent)
      return event?.data.tag === tag ? [{ writtenMs: Date.parse(written), event }] : []
    })
  }
  await expect.poll(async () => (await lines()).length, { timeout: 20_000, interval: 500 }).toBeGreaterThan(1)

  const found = await lines()
  const { run_id, check_run_id } = githubClaims({ repository: 'acme/app', ref: 'refs/heads/main' })
  const pushes = found.filter(({ event }) => event.type === 'dev.passwordless-registry.image.pushed')
  expect(pushes.map(({ event }) => event)).toMatchObject([
    {
      source: `http://${registry}`,
      subject: `acme/app:${tag}`,
      data: {
        digest: await manifestDigest(layout),
        platform: 'github',
        runUrl: `https://github.com/acme/app/actions/runs/${run_id}/job/${check_run_id}`,
        rules: expect.arrayContaining([1]),
      },
    },
  ])
  expect(found.map(({ event }) => event.type)).toContain('dev.passwordless-registry.image.pulled')
  for (const { writtenMs, event } of found) expect(writtenMs - Date.parse(event.time)).toBeLessThan(LATE_MS)
})

/**
 * A stack from the time when its sources had the short slugs in authentik: the change to the longer ones refuses no
 * job, and takes no login source away.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openProgramWorld, type ProgramWorld, PUSHED } from './program-world.ts'

// Several runs of the engine each, on a machine that may be busy.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 })

const SLUGS = ['github', 'gitlab']
/** Between two pushes; one takes longer than that. */
const PAUSE_MS = 20

let world: ProgramWorld
beforeAll(async () => {
  world = await openProgramWorld('2026.8.3')
  await world.project.expect('up', '--yes', '--skip-preview')
  await makeOld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** Makes authentik and the state what the older program left. */
async function makeOld(): Promise<void> {
  for (const slug of SLUGS) {
    await world.changeSource(`docker-registry-${slug}`, { name: slug, slug })
  }
  const [group] = await world.list('core/groups/?name=docker-registry-trust')
  const document = JSON.stringify(group?.attributes).replaceAll(/"authentikSlug":"[^"]+",/g, '')
  await world.api('PATCH', `core/groups/${group?.pk}/`, { attributes: JSON.parse(document) })
  const old = (text: string) =>
    text
      .replaceAll(/\\"authentikSlug\\":\\"[^"\\]+\\",/g, '')
      .replaceAll(/docker-registry-(github|gitlab)/g, '$1')
      .replaceAll('default_2026_5_0', 'default_2026_2_0')
  await world.changeState((resources) => JSON.parse(old(JSON.stringify(resources))))
  expect(await world.push()).toBe(PUSHED)
}

const sourceSlugs = async () => (await world.list('sources/oauth/')).map(({ slug }) => slug).sort()

describe('the first up of the newer program', () => {
  it('makes the longer names; at no moment a job is refused', async () => {
    expect(await sourceSlugs()).toEqual(SLUGS)
    let done = false
    const answers: string[] = []
    const pushing = (async () => {
      while (!done) {
        answers.push(await world.push())
        await sleep(PAUSE_MS)
      }
    })()
    await world.project.expect('up', '--yes', '--skip-preview').finally(() => {
      done = true
    })
    await pushing
    expect(answers.length).toBeGreaterThan(10)
    expect(new Set(answers)).toEqual(new Set([PUSHED]))
    expect(await sourceSlugs()).toEqual(['docker-registry-github', 'docker-registry-gitlab'])
    await world.project.expect('preview', '--expect-no-changes')
  })

  it('leaves a source alone that people log in through since, and lets it go with the next up', async () => {
    await makeOld()
    await world.changeSource('github', { consumer_key: 'of-the-company', consumer_secret: 'x' })
    const before = await world.api('GET', 'sources/oauth/github/')
    expect(await world.project.expect('up', '--yes', '--skip-preview')).toMatch(/warning: People log in .* "github"/)
    expect(await sourceSlugs()).toEqual(['docker-registry-github', 'docker-registry-gitlab', 'github'])
    expect(await world.push()).toBe(PUSHED)
    await world.project.expect('up', '--yes', '--skip-preview')
    expect(JSON.stringify(await world.resources())).not.toContain('::github"')
    expect(await world.api('GET', 'sources/oauth/github/')).toEqual(before)
    expect(await world.push()).toBe(PUSHED)
    await world.project.expect('preview', '--expect-no-changes')
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import type { Limits } from './limits.ts'
import { FakeRegistry } from './registry.fixture.ts'
import type { Retention } from './rules.ts'
import { runRetention } from './run.ts'

const OLD = '2025-01-01T00:00:00Z'
const YOUNG = '2026-05-31T00:00:00.123456789Z'
const rules: Retention['rules'] = [{ repositories: ['acme/**'], keep: { tags: ['v*'], youngerThanDays: 30 } }]

let registry: FakeRegistry
let printed: string[]
beforeEach(() => {
  registry = new FakeRegistry()
  printed = []
})

const run = (retention: Partial<Retention> = {}, limits: Partial<Limits> = {}) =>
  runRetention({
    access: registry.access(limits),
    retention: { apply: true, rules, ...retention },
    print: (line) => printed.push(line),
  })
const tagsOf = (repository: string) => [...(registry.tags.get(repository)?.keys() ?? [])].sort()
const deleted = () => registry.requests.filter((request) => request.startsWith('DELETE'))

describe('a run', () => {
  it('deletes what no rule keeps, and says what and why', async () => {
    registry.image('acme/app', 'v1', OLD)
    const old = registry.image('acme/app', 'build-1', OLD)
    registry.image('acme/app', 'build-2', YOUNG)
    registry.image('other/app', 'build-1', OLD)
    expect(await run()).toEqual({ tags: 1, manifests: 1, skipped: 0 })
    expect(tagsOf('acme/app')).toEqual(['build-2', 'v1'])
    expect(tagsOf('other/app')).toEqual(['build-1'])
    expect(printed).toEqual([
      `acme/app: deleting tag build-1, ${old} (no rule keeps it)`,
      `acme/app: deleting ${old} (nothing that stays needs it)`,
      '1 repositories with a rule: deleted 1 tags and 1 manifests, left 0 repositories as they are',
    ])
  })

  it('deletes nothing, and asks for no right to, unless the rules are applied', async () => {
    const old = registry.image('acme/app', 'build-1', OLD)
    expect(await run({ apply: false })).toEqual({ tags: 1, manifests: 1, skipped: 0 })
    expect(deleted()).toEqual([])
    expect(registry.scopes).toEqual([['registry:catalog:*'], ['repository:acme/app:pull']])
    expect(printed[0]).toBe(`acme/app: would delete tag build-1, ${old} (no rule keeps it)`)
    expect(printed.at(-1)).toContain('retention.apply is false')
  })

  it('asks for one token for many repositories, with the right to delete', async () => {
    for (let number = 0; number < 5; number++) registry.image(`acme/app${number}`, 'build-1', OLD)
    await run({}, { tokenRepositories: 3 })
    const scope = (number: number) => `repository:acme/app${number}:pull,delete`
    expect(registry.scopes.slice(1)).toEqual([
      [scope(0), scope(1), scope(2)],
      [scope(3), scope(4)],
    ])
  })

  it('takes a tag away alone where its image stays', async () => {
    const image = registry.image('acme/app', 'v1', OLD)
    registry.put('acme/app', 'build-1', new TextDecoder().decode(registry.stored.get(image)))
    expect(await run()).toEqual({ tags: 1, manifests: 0, skipped: 0 })
    expect(tagsOf('acme/app')).toEqual(['v1'])
    expect(registry.stored.has(image)).toBe(true)
  })

  it('takes the age of an index from its annotation, or from its newest image', async () => {
    const [amd64, arm64] = [
      registry.image('acme/app', undefined, OLD),
      registry.image('acme/app', undefined, YOUNG, { arm: 1 }),
    ]
    registry.index('acme/app', 'by-image', [amd64, arm64])
    registry.index('acme/app', 'by-annotation', [amd64, arm64], {
      annotations: { 'org.opencontainers.image.created': OLD },
    })
    await run()
    expect(tagsOf('acme/app')).toEqual(['by-image'])
    expect(registry.stored.has(amd64)).toBe(true)
  })

  it('keeps an image that a kept index lists under whatever type', async () => {
    const image = registry.image('acme/app', 'build-1', OLD)
    registry.put('acme/app', 'v1', { manifests: [{ mediaType: 'application/odd', digest: image, size: 1 }] })
    expect(await run()).toEqual({ tags: 1, manifests: 0, skipped: 0 })
    expect(registry.stored.has(image)).toBe(true)
  })

  it('reads every page of tags and repositories', async () => {
    for (let number = 10; number < 35; number++) registry.image(`acme/app${number}`, 'build-1', OLD)
    for (let number = 10; number < 35; number++) registry.image('acme/many', `build-${number}`, OLD)
    expect(await run({}, { pageEntries: 10 })).toMatchObject({ tags: 50, skipped: 0 })
  })
})

describe('nothing of a repository is deleted', () => {
  const expectLeft = async (why: RegExp, limits: Partial<Limits> = {}) => {
    registry.image('acme/app', 'build-1', OLD)
    registry.image('acme/other', 'build-1', OLD)
    expect(await run({}, limits)).toMatchObject({ tags: 1, skipped: 1 })
    expect(tagsOf('acme/other')).toEqual([])
    expect(tagsOf('acme/app')).toContain('build-1')
    expect(printed.find((line) => line.startsWith('acme/app: left as it is: '))).toMatch(why)
  }

  it('that has a manifest which is not understood', async () => {
    registry.put('acme/app', 'odd', '{"manifests": "all of them"}')
    await expectLeft(/is not a manifest that this version understands/)
  })

  it('that has a manifest of another digest algorithm', async () => {
    registry.put('acme/app', 'odd', { manifests: [{ digest: `sha512:${'0'.repeat(128)}` }] })
    await expectLeft(/is not a manifest that this version understands/)
  })

  it('that has too many tags, manifests or ties', async () => {
    registry.image('acme/app', 'v1', OLD)
    registry.image('acme/app', 'v2', OLD)
    await expectLeft(/more than 2 entries/, { tags: 2 })
  })

  it('that has too many manifests', async () => {
    registry.image('acme/app', 'v1', OLD)
    await expectLeft(/more than 1 manifests/, { manifests: 1 })
  })

  it('whose index lists too much', async () => {
    registry.index(
      'acme/app',
      'v1',
      Array.from({ length: 50 }, (_, number) => registry.store(`${number}`)),
    )
    await expectLeft(/list more than 40 others/, { ties: 40 })
  })

  it('that has a manifest which is too large', async () => {
    registry.put('acme/app', 'v1', { manifests: [], filler: 'x'.repeat(5_000) })
    await expectLeft(/more than 4000 bytes/, { manifestBytes: 4_000 })
  })

  it('in which something was pushed after it was read', async () => {
    let asked = 0
    registry.image('acme/app', 'build-1', OLD)
    registry.answers.set('GET /v2/acme/app/tags/list', () =>
      Response.json({ tags: asked++ === 0 ? ['build-1'] : ['build-1', 'pushed'] }),
    )
    await expectLeft(/tag pushed was pushed meanwhile/)
  })

  it('that the registry does not hand out, in its own printable words', async () => {
    registry.answers.set('GET /v2/acme/app/manifests/build-1', () =>
      Response.json({ errors: [{ message: 'no\nsuch\u001b[31m luck' }] }, { status: 500 }),
    )
    await expectLeft(/status 500: no such \[31m luck$/)
  })
})

it('an image whose configuration is too large, or of no kind with a date, stays', async () => {
  registry.image('acme/app', 'large', OLD, { filler: 'x'.repeat(2_000) })
  registry.put('acme/app', 'artifact', {
    config: { mediaType: 'application/vnd.example', digest: registry.store('{}') },
  })
  await run({}, { configBytes: 1_000 })
  expect(tagsOf('acme/app')).toEqual(['artifact', 'large'])
})

it('a token service that refuses ends the run with its sentence', async () => {
  registry.answers.set('GET /token', () =>
    Response.json(
      { errors: [{ code: 'UNAUTHORIZED', message: 'No rule of source "cluster" matches' }] },
      { status: 401 },
    ),
  )
  await expect(run()).rejects.toThrow('the token service answered with status 401: No rule of source "cluster" matches')
})

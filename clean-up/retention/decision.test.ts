import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attachedTo, type Contents, type Manifest } from './contents.ts'
import { decide } from './decision.ts'
import { type Keep, ruleFinder } from './rules.ts'

const NOW = Date.UTC(2026, 5, 1)
const daysAgo = (days: number) => NOW - days * 24 * 60 * 60 * 1000
const digestOf = (name: string) => `sha256:${createHash('sha256').update(name).digest('hex')}`
const tagOf = (digest: string, ending = '') => `${digest.replace(':', '-')}${ending}`

interface Written {
  children?: string[]
  subject?: string
  daysOld?: number
}

/** Contents by short names in place of digests. */
function contents(tags: Record<string, string>, manifests: Record<string, Written>): Contents {
  const read = ({ children = [], subject, daysOld }: Written): Manifest => ({
    children: children.map(digestOf),
    subject: subject === undefined ? undefined : digestOf(subject),
    createdMs: daysOld === undefined ? undefined : daysAgo(daysOld),
  })
  return {
    tags: new Map(Object.entries(tags).map(([tag, name]) => [tag, digestOf(name)])),
    manifests: new Map(Object.entries(manifests).map(([name, manifest]) => [digestOf(name), read(manifest)])),
  }
}

function decided(of: Contents, keep: Keep) {
  const rule = ruleFinder([{ repositories: ['**'], keep }])('acme/app')
  if (rule === undefined) throw new Error('the rule names every repository')
  return decide(of, rule, NOW)
}

const removedTags = (of: Contents, keep: Keep) =>
  decided(of, keep)
    .tags.filter(({ keep: stays }) => !stays)
    .map(({ tag }) => tag)
    .sort()
const removed = (of: Contents, keep: Keep, names: string[]) => {
  const gone = new Set(decided(of, keep).manifests)
  return names.filter((name) => gone.has(digestOf(name)))
}

describe('tags', () => {
  const images = contents(
    { 'v1.0': 'a', main: 'c', 'build-1': 'a', 'build-2': 'b', 'build-3': 'c', undated: 'd' },
    { a: { daysOld: 90 }, b: { daysOld: 60 }, c: { daysOld: 1 }, d: {} },
  )

  it('of a pattern stay, and so does what has no date', () => {
    expect(removedTags(images, { tags: ['v*', 'main'] })).toEqual(['build-1', 'build-2', 'build-3'])
    expect(removed(images, { tags: ['v*', 'main'] }, ['a', 'b', 'c', 'd'])).toEqual(['b'])
  })

  it('younger than so many days stay', () => {
    expect(removedTags(images, { youngerThanDays: 61 })).toEqual(['build-1', 'v1.0'])
    expect(removedTags(images, { youngerThanDays: 60 })).toEqual(['build-1', 'build-2', 'v1.0'])
  })

  it('of the newest images stay, where an image with two tags counts once', () => {
    expect(removedTags(images, { newest: 1 })).toEqual(['build-1', 'build-2', 'v1.0'])
    expect(removedTags(images, { newest: 2 })).toEqual(['build-1', 'v1.0'])
    expect(removedTags(images, { newest: 3 })).toEqual([])
  })

  it('of the same age share the last place', () => {
    const twins = contents(
      { one: 'a', two: 'b', old: 'c' },
      { a: { daysOld: 5 }, b: { daysOld: 5 }, c: { daysOld: 9 } },
    )
    expect(removedTags(twins, { newest: 1 })).toEqual(['old'])
  })

  it('with a date that no image can have stay, and take no place from others', () => {
    const odd = contents(
      { epoch: 'a', future: 'b', real: 'c', old: 'd' },
      { a: { daysOld: 20_000 }, b: { daysOld: -400 }, c: { daysOld: 9 }, d: { daysOld: 10 } },
    )
    expect(removedTags(odd, { newest: 1 })).toEqual(['old'])
  })

  it('say why', () => {
    expect(decided(images, { tags: ['v*'], newest: 1 }).tags.map(({ tag, reason }) => `${tag} ${reason}`)).toEqual([
      'v1.0 matches a pattern of tags',
      'main is among the newest',
      'build-1 no rule keeps it',
      'build-2 no rule keeps it',
      'build-3 is among the newest',
      'undated its age is not known',
    ])
  })
})

describe('what belongs to an image', () => {
  const signed = (name: string) => ({ [tagOf(digestOf(name), '.sig')]: `signature of ${name}` })
  const listed = (name: string) => ({ [tagOf(digestOf(name))]: `attachments of ${name}` })
  const names = ['kept', 'kept/amd64', 'old', 'old/amd64', 'signature of kept', 'signature of old', 'sbom of old']
  const images = contents(
    { v1: 'kept', 'build-1': 'old', ...signed('kept'), ...signed('old'), ...listed('kept/amd64'), ...listed('old') },
    {
      kept: { children: ['kept/amd64', 'shared'], daysOld: 100 },
      'kept/amd64': { daysOld: 100 },
      old: { children: ['old/amd64', 'shared'], daysOld: 100 },
      'old/amd64': { daysOld: 100 },
      shared: { daysOld: 100 },
      'signature of kept': {},
      'signature of old': {},
      'attachments of kept/amd64': { children: ['provenance'] },
      provenance: { subject: 'kept/amd64', children: [] },
      'attachments of old': { children: ['sbom of old'] },
      'sbom of old': { subject: 'old' },
    },
  )

  it('goes with it, and stays with it', () => {
    expect(removed(images, { tags: ['v*'] }, [...names, 'shared', 'provenance', 'attachments of kept/amd64'])).toEqual([
      'old',
      'old/amd64',
      'signature of old',
      'sbom of old',
    ])
  })

  it('goes before it, and an index before its images', () => {
    const order = decided(images, { tags: ['v*'] }).manifests
    const at = (name: string) => order.indexOf(digestOf(name))
    expect(at('signature of old')).toBeLessThan(at('old'))
    expect(at('attachments of old')).toBeLessThan(at('sbom of old'))
    expect(at('sbom of old')).toBeLessThan(at('old'))
    expect(at('old')).toBeLessThan(at('old/amd64'))
  })

  it('stays where no tag leads to the image, which may be pulled by its digest', () => {
    const orphan = contents({ ...signed('elsewhere') }, { 'signature of elsewhere': {} })
    expect(decided(orphan, { tags: ['v*'] })).toMatchObject({
      manifests: [],
      tags: [{ keep: true, reason: 'is attached to what no tag leads to' }],
    })
  })

  it('keeps it, where it has a kept tag of its own', () => {
    const tagged = contents({ 'v1-sbom': 'sbom', old: 'old' }, { sbom: { subject: 'old' }, old: { daysOld: 100 } })
    expect(decided(tagged, { tags: ['v*'] }).manifests).toEqual([])
    expect(removedTags(tagged, { tags: ['v*'] })).toEqual(['old'])
  })
})

describe('whatever a repository contains', () => {
  const name = fc.constantFrom(...'abcdefghijkl')
  const manifest = fc.record({
    children: fc.array(name, { maxLength: 3 }),
    subject: fc.option(name, { nil: undefined, freq: 3 }),
    daysOld: fc.option(fc.integer({ min: -500, max: 30_000 }), { nil: undefined }),
  })
  const tagName = fc.oneof(
    fc.constantFrom('v1', 'v2', 'main', 'build-1', 'build-2', 'build-3', 'build-4'),
    name.map((of) => tagOf(digestOf(of))),
    name.map((of) => tagOf(digestOf(of), '.sig')),
  )
  const repository = fc
    .record({ manifests: fc.dictionary(name, manifest), tags: fc.dictionary(tagName, name) })
    .map(({ manifests, tags }) => contents(tags, manifests as Record<string, Written>))
  const keep = fc.record({
    tags: fc.option(fc.constant(['v*']), { nil: undefined }),
    newest: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    youngerThanDays: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
  }) as fc.Arbitrary<Keep>
  const check = (property: (of: Contents, keep: Keep) => void) =>
    fc.assert(fc.property(repository, keep, property), { numRuns: 2_000 })

  it('nothing goes that a kept tag reaches, through whatever ties', () => {
    check((of, keep) => {
      const { tags, manifests } = decided(of, keep)
      const gone = new Set(manifests)
      // Step by step until nothing is added: another way than the function's own.
      const reached = new Set(tags.filter(({ keep: stays }) => stays).map(({ digest }) => digest))
      for (let size = -1; size !== reached.size; ) {
        size = reached.size
        for (const digest of [...reached]) {
          const { children, subject } = of.manifests.get(digest) ?? { children: [], subject: undefined }
          for (const child of children) reached.add(child)
          if (subject !== undefined) reached.add(subject)
        }
        for (const [digest, { subject }] of of.manifests) if (reached.has(subject ?? '')) reached.add(digest)
        for (const [tag, digest] of of.tags) if (reached.has(attachedTo(tag) ?? '')) reached.add(digest)
      }
      expect([...reached].filter((digest) => gone.has(digest))).toEqual([])
    })
  })

  it('each tag is decided once, and a tag goes with its manifest', () => {
    check((of, keep) => {
      const { tags, manifests } = decided(of, keep)
      const gone = new Set(manifests)
      expect(tags.map(({ tag, digest }) => [tag, digest]).sort()).toEqual([...of.tags].sort())
      expect(new Set(manifests).size).toBe(manifests.length)
      expect(tags.filter(({ digest, keep: stays }) => stays && gone.has(digest))).toEqual([])
    })
  })

  it('a second run right after the first removes nothing more', () => {
    check((of, keep) => {
      const { tags, manifests } = decided(of, keep)
      const gone = new Set(manifests)
      const stays = tags.filter(({ keep: kept, digest }) => kept && !gone.has(digest))
      const after = {
        tags: new Map(stays.map(({ tag, digest }) => [tag, digest])),
        manifests: new Map([...of.manifests].filter(([digest]) => !gone.has(digest))),
      }
      const again = decided(after, keep)
      expect(again.tags.filter(({ keep: kept }) => !kept)).toEqual([])
    })
  })

  it('a rule that keeps more removes nothing that one that keeps less leaves', () => {
    fc.assert(
      fc.property(repository, keep, fc.integer({ min: 1, max: 4 }), (of, keep, more) => {
        const wider = {
          ...keep,
          newest: (keep.newest ?? 0) + more,
          youngerThanDays: (keep.youngerThanDays ?? 0) + more,
        }
        const less = new Set(decided(of, keep).manifests)
        expect(decided(of, wider).manifests.filter((digest) => !less.has(digest))).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })
})

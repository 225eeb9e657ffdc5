import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readActor } from './actor.ts'

const sources = [
  { slug: 'github', platform: 'github', web: 'https://github.com' },
  { slug: 'git_lab', platform: 'gitlab', web: 'https://gitlab.example.com' },
  { slug: 'cluster', platform: 'oidc' },
] as const

describe('readActor', () => {
  it('reads a job of GitHub, and links to it', () => {
    const actor = 'github:acme/app@refs/heads/main#42/4711;rules=1,3'
    expect(readActor(actor, sources)).toEqual({
      ...{ actor, platform: 'github', source: 'github', subject: 'acme/app', ref: 'refs/heads/main' },
      ...{ run: '42', job: '4711', runUrl: 'https://github.com/acme/app/actions/runs/42/job/4711', rules: [1, 3] },
    })
    expect(readActor('github:acme/app#42;rules=1', sources).runUrl).toBe('https://github.com/acme/app/actions/runs/42')
  })

  it('reads a job of GitLab, and links to it', () => {
    const actor = 'git_lab:acme/team/app@refs/heads/main#7/9;rules=2'
    expect(readActor(actor, sources).runUrl).toBe('https://gitlab.example.com/acme/team/app/-/jobs/9')
    expect(readActor('git_lab:acme/app#7;rules=2', sources).runUrl).toBe(
      'https://gitlab.example.com/acme/app/-/pipelines/7',
    )
  })

  it('reads a service account, a person, and what it does not know', () => {
    expect(readActor('cluster:shop/web;rules=3', sources)).toEqual({
      ...{ actor: 'cluster:shop/web;rules=3', platform: 'oidc', source: 'cluster', subject: 'shop/web', rules: [3] },
    })
    expect(readActor('@al%40ice', sources)).toEqual({ actor: '@al%40ice', platform: 'user', subject: 'al@ice' })
    expect(readActor('gone:acme/app#42;rules=1', sources)).toEqual({
      ...{ actor: 'gone:acme/app#42;rules=1', source: 'gone', subject: 'acme/app', run: '42', rules: [1] },
    })
    const hash = 'f3a9c1'.repeat(10)
    expect(readActor(hash, sources)).toEqual({ actor: hash })
    expect(readActor('', sources)).toEqual({ actor: '' })
    expect(readActor('github:?#42;rules=1', sources)).not.toHaveProperty('subject')
  })

  it('gives back what the mapping escaped', () => {
    const { ref, runUrl } = readActor('github:acme/app@refs/heads/x%231/2%3Brules%3D9%E2%80%A6#42;rules=1', sources)
    expect(ref).toBe('refs/heads/x#1/2;rules=9…')
    expect(runUrl).toBe('https://github.com/acme/app/actions/runs/42')
  })

  it.each([
    ['a path that leads elsewhere', 'github:acme/../evil#42;rules=1'],
    ['dots as a name', 'github:acme/..#42;rules=1'],
    ['a name with a query', 'github:acme/app%3Fx=1#42;rules=1'],
    ['no repository', 'github:acme#42;rules=1'],
    ['a run that is not a number', 'github:acme/app#4%2F2;rules=1'],
    ['an escape that is broken', 'github:acme/app%#42;rules=1'],
    ['a platform without pages', 'cluster:shop/web#42;rules=1'],
  ])('does not link to %s', (_, actor) => {
    expect(readActor(actor, sources)).not.toHaveProperty('runUrl')
  })

  it('takes no more than it must, whatever the text is, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        const long = text.repeat(30)
        for (const sub of [text, long, `@${long}`, `github:${text}#42;rules=1`, `github:${long}#42;rules=1`]) {
          const { actor, subject = '', ref = '' } = readActor(sub, sources)
          expect(actor.length).toBeLessThanOrEqual(1_024)
          expect(subject.length).toBeLessThanOrEqual(256)
          expect(ref.length).toBeLessThanOrEqual(256)
        }
      }),
      { numRuns: 100 },
    )
  })
})

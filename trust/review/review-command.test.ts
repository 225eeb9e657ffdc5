import { describe, expect, test } from 'vitest'
import { type ReviewWorld, runReview } from './review-command.ts'

const project = `config:
  sources:
    type: array
    default: [{ slug: github, platform: github }, { slug: gitlab, platform: gitlab }]
  sessionHours: { type: integer, default: 6 }
`
const trust = (...rules: string[]) => `config:
  passwordless-registry:host: registry.example.com
  passwordless-registry:trust:
${rules.map((rule) => `    - ${rule}\n`).join('')}`
const acme = '{ source: github, claims: { repository_owner_id: "501", ref: refs/heads/main }, push: ["{repository}"] }'

/** A repository with two commits, "base" and "head", each with stacks by name. */
function repository(
  base: Record<string, string>,
  head: Record<string, string>,
  audit: Record<string, string> = {},
): ReviewWorld {
  const commits: Record<string, Record<string, string>> = { base, head }
  return {
    commit: (revision) => ({ base: 'base', head: 'head', HEAD: 'head' })[revision],
    list: (commit) => Object.keys(commits[commit] ?? {}).map((name) => `Pulumi.${name}.yaml`),
    show: (commit, path) =>
      path === 'Pulumi.yaml' ? project : (commits[commit]?.[path.replace(/.*Pulumi\.|\.yaml$/g, '')] ?? ''),
    readAudit: (path) => {
      if (audit[path] === undefined) throw new Error(`there is no ${path}`)
      return audit[path]
    },
  }
}

const review = (before: string, after: string, log?: string) => {
  const world = repository({ prod: before }, { prod: after }, log === undefined ? {} : { log })
  const { exitCode, text } = runReview(['--base', 'base', ...(log === undefined ? [] : ['--audit', 'log'])], world)
  expect(exitCode).toBe(0)
  return text
}

describe('a review', () => {
  test('says who gains, who loses, and what becomes reachable', () => {
    const tags = acme.replace('refs/heads/main', '[refs/heads/main, refs/tags/*]')
    const team = '{ source: gitlab, claims: { namespace_id: "72" }, push: ["{project_path}"], pull: ["base/**"] }'
    const old = '{ source: github, claims: { repository_id: "7", ref: refs/heads/main }, push: [old/app] }'
    expect(review(trust(acme, old), trust(tags, team))).toMatchInlineSnapshot(`
      "# What this change means for trust

      ## Stack \`prod\`

      ### Look at these first

      - rule 2, push: jobs of gitlab push \`**\`, and so do jobs of github by rule 1 (as \`*/*\`): the owner of a name on one platform can replace the images of its owner on the other; use instead: a name of its own for one of them, such as \`gitlab/{...}\`
      - rule 1, claims: jobs of pull\\_request\\_target, workflow\\_run, issue\\_comment match, and such a job can run code from a fork; use instead: event\\_name: \\[push, workflow\\_dispatch, release, schedule\\], or environment: production
      - rule 2, claims: a merge request can run this job in another project, which only the job\\_ claims name; use instead: pipeline\\_source: \\[push, web, schedule\\], or job\\_project\\_id: \`20\` (GitLab 18.4)

      ### Who gains

      - \`push to {repository}: GitHub repositories of owner 501 on a tag\` (rule 1, in part)
      - \`push to {project_path}, pull base/**: GitLab projects in namespace 72\` (rule 2)

      ### What becomes reachable

      - push \`{project_path}\`
      - pull \`base/**\`

      ### Who loses

      - \`push to old/app: GitHub repositories with id 7 on main\` (rule 2)
      "
    `)
  })
  test.each([
    [
      'every job',
      trust('{ source: github, claims: { ref: refs/heads/main }, push: [a/b], any: true }'),
      'trusts everyone',
    ],
    ['every image', trust(acme.replace('"{repository}"', '"**"')), 'may push every image of the registry'],
    [
      'a name of others',
      trust(acme, '{ source: gitlab, claims: { project_id: "9" }, push: [acme/app] }'),
      'Rule 2 can replace images that others push: `acme/app` meets',
    ],
    ['another authentik', `${trust(acme)}  authentik:url: https://other.example.com\n`, 'another authentik decides'],
    ['pulls by everyone', `${trust(acme)}  passwordless-registry:anonymousPull: ["**"]\n`, 'what everyone may pull'],
    [
      'a new source',
      `${trust(acme)}  passwordless-registry:sources: [{ slug: github, platform: github }, { slug: ci, platform: oidc, issuer: "https://ci.example.com" }]\n`,
      'Source `ci` is new: issuer `https://ci.example.com`',
    ],
    [
      'other keys',
      `${trust(acme)}  passwordless-registry:sources: [{ slug: github, platform: github, jwksUrl: "https://evil.example.com/keys" }, { slug: gitlab, platform: gitlab }]\n`,
      'Source `github` takes its keys from elsewhere',
    ],
    [
      'a rule that forks match',
      trust(acme.replace(', ref: refs/heads/main', '')),
      'such a job can run code from a fork',
    ],
  ])('names %s first', (_, after, words) => {
    const text = review(
      trust(
        acme.replace('501', '500'),
        '{ source: github, claims: { repository: acme/app, repository_id: "1", ref: refs/tags/v1 }, push: ["{repository}"] }',
      ),
      after,
    )
    const first = text.slice(text.indexOf('### Look at these first'), text.indexOf('### Who'))
    expect(first).toContain(words)
  })
  test('has nothing to say where rules are only written differently', () => {
    const split = [acme, acme.replace('501', '502')]
    const joined = acme.replace('"501"', '["501", "502"]')
    expect(review(trust(...split), trust(joined))).toContain('The rules are written differently and grant the same.')
    expect(review(trust(acme), trust(acme))).toContain('No stack changes whom it trusts.')
  })
  test('says that a stack with mistakes is refused', () => {
    const text = review(trust(acme), trust(acme.replace('source: github', 'source: githib')))
    expect(text).toContain('The program refuses this stack, so nothing changes.')
    expect(text).toContain('there is no source `githib`')
  })
  test('tells new stacks and those that are gone', () => {
    const { text } = runReview(['--base', 'base'], repository({ old: trust(acme) }, { new: trust(acme) }))
    expect(text).toMatch(
      /## Stack `new`[\s\S]*push to {repository}: GitHub repositories of owner 501[\s\S]*## Stack `old`\n\nIts file is gone/,
    )
  })
  test('shows no value that may be a secret, and lets no text of a file out of its code span', () => {
    const before = trust(acme)
    const evil = '{ source: github, claims: { repository_owner_id: "501", environment: "`@all\\n# hi" }, push: [a/b] }'
    const after = `${trust(evil)}  passwordless-registry:environment: { KEY: hunter2 }\n  authentik:token: { secure: v1:abc }\n`
    const text = review(before, after)
    expect(text).not.toMatch(/hunter2|v1:abc/)
    expect(text).toContain("'@all\\n# hi")
    expect(text).not.toMatch(/^# hi/m)
  })
})

describe('the jobs of an audit log', () => {
  const line = (fields: object) => `${JSON.stringify({ audit: 1, verified: true, source: 'github', ...fields })}\n`
  const claims = {
    repository: 'Acme/App',
    repository_owner: 'Acme',
    repository_owner_id: '501',
    ref: 'refs/heads/main',
  }
  const jobs = (text: string) => text.slice(text.indexOf('### Jobs seen')).trimEnd()

  test('that use what they lose come first, then those that gain', () => {
    const log = [
      line({ claims, asked: ['repository:acme/app:push,pull'] }),
      line({ claims, asked: ['repository:acme/app:push,pull'] }),
      JSON.stringify({
        audit: 1,
        outcome: 'refused',
        verified: false,
        claims: { ...claims, iss: 'https://token.actions.githubusercontent.com', repository_owner_id: '999' },
      }).concat('\n'),
      'not JSON\n',
    ].join('')
    expect(jobs(review(trust(acme), trust(acme.replace('501', '999')), log))).toMatchInlineSnapshot(`
      "### Jobs seen

      2 different jobs in the audit log; something changes for 2. Lines that are not about a job of these sources: 1.

      - \`github Acme/App refs/heads/main\` (2x); **used and refused from now on**: \`repository:acme/app:pull\`, \`repository:acme/app:push\`; loses \`push acme/app\`
      - \`github Acme/App refs/heads/main\` (1x, not verified by authentik); gains \`push acme/app\`"
    `)
  })
  test('may gain or lose where the log does not have the claim', () => {
    const log = line({ subject: 'acme/app', ref: 'refs/heads/main' })
    const named = acme.replace('repository_owner_id: "501"', 'repository_owner: acme')
    const text = jobs(review(trust(named), trust(named.replace('ref:', 'environment: production, ref:')), log))
    expect(text).toContain('may lose `push acme/app`')
  })
  test('can be claims as in a token, which leave nothing open', () => {
    const log = JSON.stringify({ iss: 'https://token.actions.githubusercontent.com', ...claims, exp: 1, jti: 'x' })
    const text = jobs(review(trust(acme), trust(acme.replace('ref:', 'environment: production, ref:')), log))
    expect(text).toContain('loses `push acme/app`')
  })
})

describe('a question that is wrong', () => {
  test.each([
    ['no base', [], /--base is needed/],
    ['an unknown revision', ['--base', 'gone'], /"gone" is not a revision/],
    ['an option as a revision', ['--base=--upload-pack=x'], /is not a revision/],
    ['an unknown option', ['--bse', 'x'], /bse/],
    ['a missing audit log', ['--base', 'base', '--audit', 'x'], /cannot read the audit log: there is no x/],
  ])('%s', (_, args, message) => {
    const { exitCode, text } = runReview(args, repository({}, {}))
    expect(exitCode).toBe(2)
    expect(text).toMatch(message)
  })
  test('help', () => {
    expect(runReview(['--help'], repository({}, {}))).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining('--head REV'),
    })
  })
})

/** A bound that only another order of growth breaks: it takes a second on two busy cores. */
test('compares 1,000 rules with 1,000 jobs in time', () => {
  const rules = (first: number) =>
    trust(
      ...Array.from({ length: 1_000 }, (_, index) =>
        acme.replace('501', String(first + index)).replace('refs/heads/main', '["refs/heads/*", "refs/tags/*"]'),
      ),
    )
  const log = Array.from({ length: 1_000 }, (_, index) =>
    JSON.stringify({
      source: 'github',
      verified: true,
      claims: { repository: `a${index}/app`, repository_owner_id: String(index), ref: 'refs/heads/main' },
      asked: [`repository:a${index}/app:push,pull`],
    }),
  ).join('\n')
  const start = process.cpuUsage()
  const text = review(rules(0), rules(500), log)
  const { user, system } = process.cpuUsage(start)
  expect(text).toContain('1000 different jobs in the audit log; something changes for 500.')
  expect((user + system) / 1e6).toBeLessThan(5)
})

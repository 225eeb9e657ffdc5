/**
 * CI tokens that must not pass. Each is shown to the token service, which says why in one sentence, and to authentik
 * itself, which is the authority: whoever reaches it past the token service must not get further.
 */
import { describe, expect, it } from 'vitest'
import { foreignKey, keyOf, resigned, signedWithPublicKey, unsigned } from './forge.ts'
import { jobToken, jobTokenWith, registry } from './job.ts'
import { askAuthentik, askToken, job } from './token-client.ts'

const push = 'repository:acme/app:pull,push'
const acme = () => jobToken('github', 'acme/app')
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

/** The token service knows the issuers' keys and says so; authentik, which gives no reason, is asked directly below. */
const notTheirKey = /its signature is not by the key of https?:.* that it names/
const noSuchKey = /https?:\S+ has no key of the id that it names/

interface Attack {
  name: string
  token: () => Promise<string>
  reason: RegExp
}

async function expectRefused({ token, reason }: Attack): Promise<void> {
  const jwt = await token()
  const answer = await askToken(job(jwt), [push])
  expect(answer).toMatchObject({ status: 401, token: '', session: '' })
  expect(answer.reason).toMatch(/^UNAUTHORIZED /)
  expect(answer.reason).toMatch(reason)
  expect(answer.reason).not.toContain(jwt)
  expect(await askAuthentik(jwt, [push])).toMatchObject({ token: '' })
  expect(await askAuthentik(jwt, [push], 'ci-session')).toMatchObject({ token: '' })
}

describe('the token of a job that no rule trusts', () => {
  const attacks: Attack[] = [
    {
      name: 'of a stranger’s repository at GitHub',
      token: () => jobToken('github', 'stranger/app'),
      reason: /no rule of source "github" matches .*"stranger\/app"/,
    },
    {
      name: 'of a stranger’s project at GitLab',
      token: () => jobToken('gitlab', 'stranger/app'),
      reason: /no rule of source "gitlab" matches .*"stranger\/app"/,
    },
    {
      name: 'of an owner who took over the name of a trusted one',
      token: () => jobTokenWith({ repository_owner_id: '666', repository_id: '667' }),
      reason: /no rule of source "github" matches/,
    },
    {
      name: 'of an owner whose name begins like that of a trusted one',
      token: () => jobToken('github', 'acme-evil/app'),
      reason: /no rule of source "github" matches .*"acme-evil\/app"/,
    },
    {
      name: 'of a fork’s pull request',
      token: () => jobToken('github', 'acme/app', '--ref', 'refs/pull/7/merge'),
      reason: /no rule of source "github" matches .*"refs\/pull\/7\/merge"/,
    },
    {
      name: 'of an event by which a fork runs its code on the default branch',
      token: () => jobTokenWith({ event_name: 'pull_request_target' }),
      reason: /no rule of source "github" matches .*"pull_request_target"/,
    },
    {
      name: 'of a merge request, which GitLab may run in the target project',
      token: () => jobTokenWith({ pipeline_source: 'merge_request_event' }, 'gitlab'),
      reason: /no rule of source "gitlab" matches/,
    },
    {
      name: 'of a merge request’s own ref',
      token: () => jobTokenWith({ ref_path: 'refs/merge-requests/7/head' }, 'gitlab'),
      reason: /no rule of source "gitlab" matches/,
    },
    {
      name: 'of an owner whose name looks like that of a trusted one',
      token: () => jobTokenWith({ repository_owner: '\u0430cme', repository: '\u0430cme/app' }),
      reason: /no rule of source "github" matches/,
    },
    {
      name: 'of an owner id that is a pattern',
      token: () => jobTokenWith({ repository_owner_id: '*', repository_owner: '*' }),
      reason: /no rule of source "github" matches/,
    },
  ]
  it.each(attacks)('$name', expectRefused)
})

describe('a token of which the signature is not what it must be', () => {
  const attacks: Attack[] = [
    {
      name: 'GitHub’s issuer, signed by GitLab’s key',
      token: async () => resigned(await acme(), await keyOf('gitlab')),
      reason: noSuchKey,
    },
    {
      name: 'GitLab’s issuer, signed by GitHub’s key',
      token: async () => resigned(await jobToken('gitlab', 'acme/app'), await keyOf('github')),
      reason: noSuchKey,
    },
    {
      name: 'GitLab’s key under the key id of GitHub’s',
      token: async () => resigned(await acme(), { ...(await keyOf('gitlab')), kid: (await keyOf('github')).kid ?? '' }),
      reason: notTheirKey,
    },
    {
      name: 'GitHub’s key under the key id of GitLab’s',
      token: async () => resigned(await acme(), { ...(await keyOf('github')), kid: (await keyOf('gitlab')).kid ?? '' }),
      reason: noSuchKey,
    },
    {
      name: 'a key of one’s own under the key id of GitHub’s',
      token: async () => resigned(await acme(), foreignKey((await keyOf('github')).kid ?? '')),
      reason: notTheirKey,
    },
    {
      name: 'a key that no source holds',
      token: async () => resigned(await acme(), foreignKey('nobody')),
      reason: noSuchKey,
    },
    {
      name: 'claims changed after signing',
      token: async () => {
        const [header, , signature] = (await jobToken('github', 'stranger/app')).split('.')
        const [, claims] = (await acme()).split('.')
        return [header, claims, signature].join('.')
      },
      reason: notTheirKey,
    },
    {
      name: 'no signature (alg none)',
      token: async () => unsigned(await acme(), (await keyOf('github')).kid),
      reason: /not signed by a published key: its header has algorithm "none"/,
    },
    {
      name: 'HS256 with the public key as secret',
      token: async () => signedWithPublicKey(await acme(), await keyOf('github')),
      reason: /not signed by a published key: its header has algorithm "HS256"/,
    },
    { name: 'not a JWT at all', token: async () => 'not-a-token', reason: /not a JWT/ },
  ]
  it.each(attacks)('$name', expectRefused)
})

describe('a token that is meant for somebody else, or for another time', () => {
  const attacks: Attack[] = [
    {
      name: 'the right repository, but GitHub’s default audience',
      token: () => jobToken('github', 'acme/app', '--audience', 'https://github.com/acme'),
      reason: new RegExp(`audience is "https://github.com/acme", this registry expects "${registry}"`),
    },
    {
      name: 'an audience that begins like ours',
      token: () => jobToken('gitlab', 'acme/app', '--audience', `${registry}.evil.example`),
      reason: /audience is .*evil\.example", this registry expects/,
    },
    { name: 'no audience', token: () => jobTokenWith({ aud: null }), reason: /audience is .*this registry expects/ },
    {
      name: 'an issuer that is none of ours',
      token: () => jobTokenWith({ iss: 'https://gitlab.evil.example' }),
      reason:
        /issuer is "https:\/\/gitlab\.evil\.example", but this registry accepts only tokens from https:\/\/token\.actions/,
    },
    {
      name: 'expired a minute ago',
      token: () => jobToken('github', 'acme/app', '--ttl', '-60'),
      reason: /expired \d+ s ago \(issued for 60 s\); this client keeps no session/,
    },
    // The trust rules allow clocks to differ by 30 s, authentik by nothing: it is the stricter of the two that counts.
    {
      name: 'expired less than 30 s ago',
      token: () => jobToken('github', 'acme/app', '--ttl', '-20'),
      reason: /expired \d+ s ago/,
    },
    {
      name: 'not valid before five minutes from now',
      token: () => jobTokenWith({ iat: inSeconds(300), nbf: inSeconds(300), exp: inSeconds(600) }),
      reason: /not valid yet: iat is .* ahead of this registry's clock/,
    },
    {
      name: 'not valid for another 20 s',
      token: () => jobTokenWith({ iat: inSeconds(20), nbf: inSeconds(20) }),
      reason: /authentik refused what the rules here allow/,
    },
    { name: 'no expiry', token: () => jobTokenWith({ exp: null }), reason: /does not say when it expires/ },
  ]
  it.each(attacks)('$name', expectRefused)

  it('subjects of 300 characters that begin alike act as one user, and each gets what its own claims say', async () => {
    const sub = `repo:acme/app:ref:refs/heads/${'x'.repeat(300)}`
    const stranger = await jobTokenWith({ sub: `${sub}y`, repository: 'evil/app', repository_owner_id: '666' })
    const jwt = await jobTokenWith({ sub })
    expect((await askToken(job(jwt), [push])).granted).toEqual([push])
    for (const ask of [askToken(job(stranger), [push]), askAuthentik(stranger, [push])]) {
      expect(await ask).toMatchObject({ token: '', granted: [] })
    }
  })
})

describe('a trusted owner’s repository of a hostile name', () => {
  const names = [
    '*',
    '**',
    'acme/*',
    '..',
    'acme/../evil',
    'acme//app',
    '{ref}',
    "'''",
    '\\',
    `acme/${'a'.repeat(300)}`,
  ]
  it.each(names)('%s grants nothing beyond itself', async (repository) => {
    const jwt = await jobTokenWith({ repository })
    const asked = ['repository:evil/app:pull,push', 'repository:acme/other:push', 'repository:acme/app:push']
    for (const answer of [await askToken(job(jwt), asked), await askAuthentik(jwt, asked)]) {
      expect(answer.granted).toEqual([])
    }
  })

  it('in upper case is the same repository', async () => {
    const jwt = await jobTokenWith({ repository: 'Acme/App' })
    expect(await askToken(job(jwt), [push])).toMatchObject({ status: 200, granted: [push] })
  })
})

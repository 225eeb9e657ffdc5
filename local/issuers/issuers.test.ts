import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { githubClaims } from './github.ts'
import { gitlabClaims } from './gitlab.ts'
import { publicKeys, signingKey } from './keys.ts'
import { mintToken } from './mint.ts'
import { idOf } from './names.ts'
import { startIssuers } from './server.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stand-in-issuers-'))
})
afterEach(() => rm(directory, { recursive: true }))

describe('the signing key', () => {
  test('is made once, also for eight who need it at the same moment, and is its owner’s alone', async () => {
    const own = join(directory, 'issuers')
    const keys = await Promise.all(Array.from({ length: 8 }, () => signingKey(own, 'github')))
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1)
    expect(await readdir(own)).toEqual(['github.json'])
    expect((await stat(join(own, 'github.json'))).mode & 0o777).toBe(0o600)
    expect((await stat(own)).mode & 0o777).toBe(0o700)
  })

  test('that is not a key is refused; the message names the file', async () => {
    await writeFile(join(directory, 'gitlab.json'), '{"kty":"RSA"}')
    await expect(signingKey(directory, 'gitlab')).rejects.toThrow(/gitlab\.json does not hold a private signing key/)
  })

  test('is published without its private part', async () => {
    const published = publicKeys(await signingKey(directory, 'github')).keys[0] ?? {}
    expect(Object.keys(published).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })
})

test.each([
  ['github', '/github/.well-known/openid-configuration', 'https://token.actions.githubusercontent.com'],
  ['gitlab', '/gitlab/.well-known/openid-configuration', 'https://issuers.example/gitlab'],
] as const)('a token of %s is verified by what its discovery document leads to', async (platform, path, issuer) => {
  const key = await signingKey(directory, platform)
  const issuers = await startIssuers({ baseUrl: 'https://issuers.example/', keys: () => publicKeys(key) })
  try {
    const discovery = (await (await fetch(issuers.url + path)).json()) as { issuer: string; jwks_uri: string }
    expect(discovery.issuer).toBe(issuer)
    const jwks = createRemoteJWKSet(new URL(discovery.jwks_uri.replace('https://issuers.example', issuers.url)))
    const jwt = mintToken({ key, claims: { iss: issuer }, audience: 'registry', ttl: 300, now: Date.now() })
    const { payload } = await jwtVerify(jwt, jwks, { issuer, audience: 'registry' })
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300)
    expect((await fetch(`${issuers.url}/elsewhere`)).status).toBe(404)
  } finally {
    await issuers.close()
  }
})

test('an expired token was valid once', async () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  const jwt = mintToken({ key: await signingKey(directory, 'github'), claims: {}, audience: 'a', ttl: -60, now })
  const { iat, exp } = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
  expect([iat, exp]).toEqual([now / 1000 - 120, now / 1000 - 60])
})

describe('claims', () => {
  test('of a GitHub job on a branch', () => {
    expect(githubClaims({ repository: 'acme/app', ref: 'refs/heads/main' })).toMatchObject({
      iss: 'https://token.actions.githubusercontent.com',
      sub: 'repo:acme/app:ref:refs/heads/main',
      repository: 'acme/app',
      repository_id: '1001',
      repository_owner: 'acme',
      repository_owner_id: '501',
      ref_type: 'branch',
      ref_protected: 'true',
      event_name: 'push',
      job_workflow_ref: 'acme/app/.github/workflows/build.yml@refs/heads/main',
      head_ref: '',
    })
  })

  test('of a GitHub job on a tag, and for a pull request', () => {
    expect(githubClaims({ repository: 'acme/app', ref: 'refs/tags/v1' })).toMatchObject({ ref_type: 'tag' })
    expect(githubClaims({ repository: 'acme/app', ref: 'refs/pull/7/merge' })).toMatchObject({
      sub: 'repo:acme/app:pull_request',
      event_name: 'pull_request',
      base_ref: 'main',
      ref_protected: 'false',
    })
  })

  test.each([
    ['main', 'branch', 'main', 'refs/heads/main'],
    ['refs/heads/main', 'branch', 'main', 'refs/heads/main'],
    ['refs/tags/v1', 'tag', 'v1', 'refs/tags/v1'],
  ])('of a GitLab job on %s', (ref, ref_type, name, ref_path) => {
    const issuer = 'https://gitlab.example/base'
    expect(gitlabClaims({ project: 'acme/sub/app', ref, issuer })).toMatchObject({
      iss: issuer,
      sub: `project_path:acme/sub/app:ref_type:${ref_type}:ref:${name}`,
      namespace_path: 'acme/sub',
      project_path: 'acme/sub/app',
      ref: name,
      ref_type,
      ref_path,
      ci_config_ref_uri: `gitlab.example/acme/sub/app//.gitlab-ci.yml@${ref_path}`,
    })
  })

  test('are strings, whatever they mean', () => {
    const claims = [
      ...Object.values(githubClaims({ repository: 'acme/app', ref: 'refs/heads/main' })),
      ...Object.values(gitlabClaims({ project: 'acme/app', ref: 'main', issuer: 'https://gitlab.example' })),
    ]
    expect(claims.every((value) => typeof value === 'string')).toBe(true)
  })

  test('hold ids that follow the name, and never those of the examples', () => {
    expect(idOf('owner', 'evil')).toBe(idOf('owner', 'evil'))
    expect(idOf('owner', 'evil')).not.toBe(idOf('repository', 'evil'))
    expect(Number(idOf('owner', 'evil'))).toBeGreaterThan(1001)
  })
})

/** The kubelet's plug-in, run as the kubelet runs it, by every shell that this machine has. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { credentialProvider, credentialProviderConfig, PROVIDER_NAME } from './credential-provider.ts'

const REGISTRY = 'registry.example.com:8443'
const API = 'credentialprovider.kubelet.k8s.io/v1'
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = `${part({ alg: 'RS256', kid: 'k' })}.${part({ sub: 'system:serviceaccount:shop:app' })}.${randomBytes(256).toString('base64url')}`

/** As the kubelet encodes it: one line, and a line break. */
const request = (more: object = {}) =>
  `${JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion: API, image: `${REGISTRY}/acme/app:1`, serviceAccountToken: token, ...more })}\n`

let folder: string
let plugin: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credential-provider-'))
  plugin = join(folder, PROVIDER_NAME)
  await writeFile(plugin, credentialProvider(REGISTRY))
  await chmod(plugin, 0o755)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function run(input: string | Buffer, shell: string[] = [], path = process.env.PATH) {
  const [file = plugin, ...args] = [...shell, plugin]
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: path } })
  // A plug-in that has seen enough does not read the rest.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { stdout, stderr, code }
}

const shells = [[], ['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(
  ([name]) => name === undefined || ['/bin', '/usr/bin'].some((path) => existsSync(join(path, name))),
)

describe.each(shells.map((shell) => [shell.join(' ') || 'as the kubelet starts it', shell] as const))(
  '%s',
  (_, shell) => {
    it('the token of the pod is the answer, as password of user JWT, for this registry alone', async () => {
      const { stdout, stderr, code } = await run(request(), shell)
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
      expect(JSON.parse(stdout)).toEqual({
        apiVersion: API,
        kind: 'CredentialProviderResponse',
        cacheKeyType: 'Registry',
        cacheDuration: '0s',
        auth: { [REGISTRY]: { username: 'JWT', password: token } },
      })
    })

    it.each<[string, string | Buffer, RegExp]>([
      ['nothing', '', /expected a request of credentialprovider/],
      [
        'another version',
        request({ apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1' }),
        /expected a request of/,
      ],
      ['no token', request({ serviceAccountToken: undefined }), /sent no token of a service account/],
      ['an empty token', request({ serviceAccountToken: '' }), /is not a JWT/],
      ['two parts', request({ serviceAccountToken: 'a.b' }), /is not a JWT/],
      ['four parts', request({ serviceAccountToken: 'a.b.c.d' }), /is not a JWT/],
      ['an empty part', request({ serviceAccountToken: 'a..c' }), /is not a JWT/],
      ['a quote', request({ serviceAccountToken: 'a.b"},"x":{"username":"u.c' }), /is not a JWT/],
      ['a command', request({ serviceAccountToken: 'a.$(touch /tmp/x).c' }), /is not a JWT/],
      ['a format', request({ serviceAccountToken: 'a.%s%n.c' }), /is not a JWT/],
      ['a line break', request({ serviceAccountToken: 'a.b\n.c' }), /is not a JWT/],
      ['a number', request({ serviceAccountToken: 7 }), /sent no token/],
      ['too much', request({ image: 'a'.repeat(20_000) }), /more than 16384 bytes/],
      ['far too much', Buffer.alloc(4 * 1024 * 1024, 'a'), /more than 16384 bytes/],
      ['bytes', randomBytes(1000), /expected a request of/],
      ['the token twice', request().replace('{', '{"serviceAccountToken":"a.b.c",'), /has more than one token/],
      [
        'the token of an annotation beside it',
        request({ serviceAccountAnnotations: { serviceAccountToken: 'a.b.c' } }),
        /has more than one token/,
      ],
    ])('a request with %s is refused in one sentence that shows none of it', async (_, input, sentence) => {
      const { stdout, stderr, code } = await run(input, shell)
      expect(code).toBe(1)
      expect(stdout).toBe('')
      expect(stderr).toMatch(sentence)
      expect(stderr.trim().split('\n')).toHaveLength(1)
      expect(stderr).not.toContain(token.slice(0, 20))
    })

    it('what looks like a token within a text is not one', async () => {
      const image = `${REGISTRY}/","serviceAccountToken":"evil.evil.evil","x":"`
      const { stdout } = await run(request({ image }), shell)
      expect(JSON.parse(stdout).auth).toEqual({ [REGISTRY]: { username: 'JWT', password: token } })
      const without = await run(request({ image, serviceAccountToken: undefined }), shell)
      expect(without).toMatchObject({ code: 1, stdout: '' })
    })

    it('another registry never gets the token', async () => {
      const { stdout } = await run(request({ image: 'evil.example.com/acme/app:1' }), shell)
      expect(Object.keys(JSON.parse(stdout).auth)).toEqual([REGISTRY])
    })
  },
)

it('needs no more of a node than a shell, head and tr', async () => {
  const programs = join(folder, 'programs')
  await mkdir(programs)
  for (const name of ['head', 'tr']) await symlink(join('/usr/bin', name), join(programs, name))
  const { stdout, code } = await run(request(), ['/bin/sh'], programs)
  expect(code).toBe(0)
  expect(JSON.parse(stdout).auth[REGISTRY].password).toBe(token)
  expect(credentialProvider(REGISTRY)).not.toMatch(/@[A-Z]+@/)
})

it('is configured for this registry and this audience', () => {
  expect(parse(credentialProviderConfig(REGISTRY, 'of-pods'))).toEqual({
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [
      {
        name: PROVIDER_NAME,
        apiVersion: API,
        matchImages: [REGISTRY],
        defaultCacheDuration: '0s',
        tokenAttributes: { serviceAccountTokenAudience: 'of-pods', cacheType: 'Token', requireServiceAccount: true },
      },
    ],
  })
})

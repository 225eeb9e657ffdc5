import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseKeySet, readIssuerKeys } from './issuer-keys.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'issuer-keys-'))
})
afterAll(() => rm(dir, { recursive: true }))

async function read(value: unknown) {
  const path = join(dir, 'issuers.json')
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value))
  return readIssuerKeys(path)
}

const jwks = { keys: [{ kty: 'RSA', kid: 'one', n: 'AQAB', e: 'AQAB' }] }

describe('readIssuerKeys', () => {
  it('knows the three places where keys can be', async () => {
    const keys = await read([
      { issuer: 'https://a.example', keys: { jwksUrl: 'https://a.example/jwks' } },
      { issuer: 'https://b.example', keys: { wellKnownUrl: 'http://b.example/.well-known/openid-configuration' } },
      { issuer: 'https://c.example', keys: { jwks } },
    ])
    expect([...keys]).toEqual([
      ['https://a.example', { jwksUrl: 'https://a.example/jwks' }],
      ['https://b.example', { wellKnownUrl: 'http://b.example/.well-known/openid-configuration' }],
      ['https://c.example', { jwks }],
    ])
  })

  it('takes a list of nobody', async () => expect(await read([])).toEqual(new Map()))

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['half a JSON', '[{"issuer":'],
    ['one issuer instead of a list', { issuer: 'a', keys: { jwksUrl: 'https://a.example' } }],
    ['an issuer without keys', [{ issuer: 'a' }]],
    ['keys of nobody', [{ keys: { jwksUrl: 'https://a.example' } }]],
    ['an address that is none', [{ issuer: 'a', keys: { jwksUrl: 'file:///etc/passwd' } }]],
    ['a key set that is none', [{ issuer: 'a', keys: { jwks: { keys: [{ kid: 'one' }] } } }]],
    ['another place', [{ issuer: 'a', keys: { vault: 'https://a.example' } }]],
  ])('does not take %s, and repeats nothing of it', async (_, value) => {
    await expect(read(value)).rejects.toMatchObject({
      name: 'ConfiguredFileError',
      message:
        'ISSUER_KEYS_FILE is not a list of issuers with their keys: [{"issuer":"https://...","keys":{"jwksUrl":"https://..."}}]',
    })
  })

  it('says which kind of file error it was', async () => {
    await expect(readIssuerKeys(join(dir, 'missing'))).rejects.toThrow(
      /^ISSUER_KEYS_FILE names a file that cannot be read \(ENOENT\)$/,
    )
    await mkdir(join(dir, 'folder'))
    await expect(readIssuerKeys(join(dir, 'folder'))).rejects.toThrow(/\(EISDIR\)$/)
  })
})

describe('parseKeySet', () => {
  it('keeps what it does not know of a key', () => expect(parseKeySet(JSON.stringify(jwks))).toEqual(jwks))

  it.each(['', 'null', '[]', '{}', '{"keys":{}}', '{"keys":[null]}', '{"keys":[{"kid":"one"}]}', '{"keys":['])(
    'takes no %j',
    (text) => expect(parseKeySet(text)).toBeUndefined(),
  )
})

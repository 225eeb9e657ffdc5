/** Where the public keys of those who sign tokens are, as the file says that ISSUER_KEYS_FILE names. */
import { readFile } from 'node:fs/promises'
import type { JSONWebKeySet } from 'jose'
import * as z from 'zod/mini'
import { ConfiguredFileError } from '../configured-file.ts'

/** Where the keys of one issuer are. */
export type IssuerKeys =
  | { readonly jwksUrl: string }
  | { readonly wellKnownUrl: string }
  | { readonly jwks: JSONWebKeySet }

const url = z.string().check(z.regex(/^https?:\/\//))
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })
const issuerKeysFile = z.array(
  z.object({
    issuer: z.string(),
    keys: z.union([z.object({ jwksUrl: url }), z.object({ wellKnownUrl: url }), z.object({ jwks: keySet })]),
  }),
)

/**
 * Reads the file that says where the keys of the issuers are: `[{ "issuer": "...", "keys": { "jwksUrl": "..." } }]`.
 * @throws ConfiguredFileError
 */
export async function readIssuerKeys(path: string): Promise<ReadonlyMap<string, IssuerKeys>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfiguredFileError('ISSUER_KEYS_FILE', `names a file that cannot be read (${error.code ?? error.name})`)
  })
  const parsed = issuerKeysFile.safeParse(parseJson(text))
  if (!parsed.success) {
    throw new ConfiguredFileError(
      'ISSUER_KEYS_FILE',
      'is not a list of issuers with their keys: [{"issuer":"https://...","keys":{"jwksUrl":"https://..."}}]',
    )
  }
  return new Map(parsed.data.map(({ issuer, keys }) => [issuer, keys as IssuerKeys]))
}

/** A key set as text. @returns undefined if it is not one */
export function parseKeySet(text: string): JSONWebKeySet | undefined {
  return keySet.safeParse(parseJson(text)).data as JSONWebKeySet | undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

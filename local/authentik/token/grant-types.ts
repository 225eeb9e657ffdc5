/** The grants that a provider can allow (`grant_types`, from 2026.5 on), with the names of the API. */

export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

export const GRANT_TYPES = [
  'authorization_code',
  'implicit',
  'hybrid',
  'refresh_token',
  'client_credentials',
  'password',
  DEVICE_CODE,
  'urn:ietf:params:oauth:grant-type:token-exchange',
] as const

export type GrantType = (typeof GRANT_TYPES)[number]

export const isGrantType = (name: string): name is GrantType => (GRANT_TYPES as readonly string[]).includes(name)

/** What every provider did before there was a list, in the order of its discovery document. */
export const GRANT_TYPES_BEFORE_2026_5: readonly GrantType[] = [
  'authorization_code',
  'refresh_token',
  'implicit',
  'client_credentials',
  'password',
  DEVICE_CODE,
]

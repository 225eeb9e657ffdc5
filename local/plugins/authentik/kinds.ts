/**
 * What the schema does not say about the resource types that our program and its tests make: where the API has them,
 * the Terraform provider's defaults, and how it sends a property that is not given.
 */
import type { Properties } from '../engine/values.ts'
import type { Api, Entity } from './api.ts'

export interface Kind {
  /** Below `/api/v3`. */
  readonly path: string
  /** Which field of the object is the resource's id. */
  readonly id: 'pk' | 'slug'
  /** Added to the path where one object is read. */
  readonly readQuery?: string
  readonly defaults: Properties
  /** The API's name of a property where it is not the property's own in snake case. */
  readonly apiNames?: Readonly<Record<string, string>>
  /** Sent as null when not given. */
  readonly nullable?: readonly string[]
  /** Left out when not given. */
  readonly optional?: readonly string[]
  /** Never part of the object that is sent. */
  readonly notSent?: readonly string[]
  /** Never answered by authentik; the state keeps what was sent. */
  readonly writeOnly?: readonly string[]
  /** Properties whose text is JSON: spelling and order of keys do not matter. */
  readonly json?: readonly string[]
  /** Sets of properties that no two objects share, by which the one in the way of a new one is found; or its slug. */
  readonly unique?: readonly (readonly string[])[]
  /** Whether an object that is in the way may be adopted. */
  readonly mayAdopt?: (found: Entity, wanted: Properties) => boolean
  /** Properties that authentik answers at other paths. */
  readonly more?: (api: Api, entity: Entity) => Promise<Properties>
  /** What is left to do after the object was written. */
  readonly after?: (api: Api, id: string, wanted: Properties, prior: Properties) => Promise<void>
}

/**
 * authentik stores PEM text without the white space around it, and the Terraform provider reads it back with one line
 * end, whatever the program sent: any other spelling is an update in each preview.
 */
async function readPem(api: Api, path: string): Promise<string> {
  const { data } = (await api.request('GET', path)) as { data: string }
  return data === '' ? '' : `${data}\n`
}

const KINDS: Record<string, Kind> = {
  Application: {
    path: 'core/applications',
    id: 'slug',
    defaults: { openInNewTab: false, policyEngineMode: 'any' },
    apiNames: { protocolProvider: 'provider' },
    nullable: ['protocolProvider'],
    optional: ['group', 'metaDescription', 'metaHide', 'metaIcon', 'metaLaunchUrl', 'metaPublisher'],
  },
  CertificateKeyPair: {
    path: 'crypto/certificatekeypairs',
    id: 'pk',
    defaults: {},
    optional: ['keyData'],
    unique: [['name']],
    more: async (api, { pk, private_key_available }) => ({
      certificateData: await readPem(api, `crypto/certificatekeypairs/${pk}/view_certificate/`),
      keyData: private_key_available ? await readPem(api, `crypto/certificatekeypairs/${pk}/view_private_key/`) : '',
    }),
  },
  Group: {
    path: 'core/groups',
    id: 'pk',
    readQuery: '?include_children=false&include_inherited_roles=false&include_parents=false&include_users=false',
    defaults: { attributes: '{}', isSuperuser: false },
    json: ['attributes'],
    unique: [['name']],
  },
  PolicyBinding: {
    path: 'policies/bindings',
    id: 'pk',
    defaults: { enabled: true, failureResult: false, negate: false, timeout: 30 },
    nullable: ['group', 'policy', 'user'],
    unique: [['policy', 'target', 'order']],
  },
  PolicyExpression: {
    path: 'policies/expression',
    id: 'pk',
    defaults: { executionLogging: false },
    unique: [['name']],
  },
  PropertyMappingProviderScope: {
    path: 'propertymappings/provider/scope',
    id: 'pk',
    defaults: {},
    optional: ['description'],
    unique: [['name']],
  },
  ProviderOauth2: {
    path: 'providers/oauth2',
    id: 'pk',
    defaults: {
      accessCodeValidity: 'minutes=1',
      accessTokenValidity: 'minutes=10',
      clientType: 'confidential',
      includeClaimsInIdToken: true,
      issuerMode: 'per_provider',
      logoutMethod: 'backchannel',
      refreshTokenThreshold: 'seconds=0',
      refreshTokenValidity: 'days=30',
      subMode: 'hashed_user_id',
    },
    apiNames: { allowedRedirectUris: 'redirect_uris' },
    nullable: ['authenticationFlow', 'encryptionKey', 'signingKey'],
    // authentik before 2026.5 does not know grant types.
    optional: ['clientSecret', 'grantTypes', 'logoutUri'],
    notSent: ['jwksSources'],
    unique: [['name'], ['clientId']],
  },
  SourceOauth: {
    path: 'sources/oauth',
    id: 'slug',
    defaults: {
      authorizationCodeAuthMethod: 'basic_auth',
      enabled: true,
      groupMatchingMode: 'identifier',
      pkce: 'none',
      policyEngineMode: 'any',
      promoted: false,
      userMatchingMode: 'identifier',
      userPathTemplate: 'goauthentik.io/sources/%(slug)s',
    },
    apiNames: {
      callbackUri: 'callback_url',
      propertyMappings: 'user_property_mappings',
      propertyMappingsGroups: 'group_property_mappings',
    },
    nullable: [
      'accessTokenUrl',
      'authenticationFlow',
      'authorizationUrl',
      'enrollmentFlow',
      'profileUrl',
      'requestTokenUrl',
    ],
    optional: ['additionalScopes', 'oidcJwks', 'oidcJwksUrl', 'oidcWellKnownUrl'],
    writeOnly: ['consumerSecret'],
    json: ['oidcJwks'],
    // One with another consumer key is somebody's login: the program says so, and nothing may advise to take it.
    mayAdopt: (found, wanted) => found.consumer_key === wanted.consumerKey,
  },
  User: {
    path: 'core/users',
    id: 'pk',
    defaults: { attributes: '{}', isActive: true, path: 'users', type: 'internal' },
    optional: ['email'],
    notSent: ['password'],
    writeOnly: ['password'],
    json: ['attributes'],
    unique: [['username']],
    after: async (api, id, { password }, prior) => {
      if (!password || password === prior.password) return
      await api.request('POST', `core/users/${id}/set_password/`, { password })
    },
  },
}

/** @throws Error for a type that the stand-in does not know. */
export function kindOf(type: string): Kind {
  const found = KINDS[type.split(':').at(-1) ?? '']
  if (!found) throw new Error(`the stand-in for authentik's Terraform provider does not know ${type}`)
  return found
}

/**
 * What the stand-in keeps, by authentik's own field names: for each kind of object the fields that the API takes, and
 * the columns that the server fills in. What the API answers beside them is computed on the way out (resources/).
 */
import type { JSONWebKeySet } from 'jose'
import {
  boolean,
  type Columns,
  choice,
  choices,
  date,
  duration,
  type Field,
  integer,
  type Kind,
  list,
  many,
  object,
  one,
  slug,
  text,
} from './fields.ts'
import { GRANT_TYPES } from './token/grant-types.ts'

export type { Json, JsonObject, Kind } from './fields.ts'

/** A point in time as the API writes it, with Django's six digits of a second. */
export const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z')

/** The named columns of a row. */
export const pick = <Row, Name extends keyof Row>(row: Row, ...names: Name[]): Pick<Row, Name> =>
  Object.fromEntries(names.map((name) => [name, row[name]])) as Pick<Row, Name>

/** Longest user name that authentik's database takes. */
export const MAX_USERNAME_CHARACTERS = 150

/** What Django's `set_unusable_password` begins with. */
export const UNUSABLE_PASSWORD = '!'

const optionalText = () => text({ blank: true, default: '' })
const optionalUrl = () => text({ nullable: true, blank: true, default: null, maxLength: 255 })
const optionalFlow = () => one('flows', 'clear', { nullable: true, default: null })
const optionalKey = () => one('certificates', 'clear', { nullable: true, default: null })
const managed = () => text({ nullable: true, default: null })
const uniqueName = () => text({ required: true, unique: true })

export const tables = {
  accessTokens: { provider: one('providers', 'cascade'), user: one('users', 'cascade') },
  applications: {
    name: text({ required: true }),
    slug: slug({ required: true, unique: true }),
    provider: one('providers', 'clear', { nullable: true, default: null, unique: true }),
    backchannel_providers: many('providers'),
    open_in_new_tab: boolean(false),
    meta_launch_url: optionalText(),
    meta_icon: optionalText(),
    meta_description: optionalText(),
    meta_publisher: optionalText(),
    policy_engine_mode: choice(['any', 'all']),
    group: optionalText(),
    meta_hide: boolean(false, { since: '2026.5' }),
  },
  bindings: {
    policy: one('policies', 'cascade', { nullable: true, default: null }),
    group: one('groups', 'cascade', { nullable: true, default: null }),
    user: one('users', 'cascade', { nullable: true, default: null }),
    target: one(['applications', 'sources'], 'cascade', { required: true }),
    negate: boolean(false),
    enabled: boolean(true),
    order: integer({ required: true }),
    timeout: integer({ minimum: 0, default: 30 }),
    failure_result: boolean(false),
  },
  certificates: {
    name: uniqueName(),
    certificate_data: text({ required: true }),
    key_data: optionalText(),
  },
  flows: {},
  groups: {
    name: uniqueName(),
    is_superuser: boolean(false),
    parents: many('groups'),
    users: many('users', { virtual: true }),
    attributes: object(),
    roles: many(),
  },
  policies: {
    name: uniqueName(),
    execution_logging: boolean(false),
    expression: text({ required: true }),
  },
  providers: {
    name: uniqueName(),
    authentication_flow: optionalFlow(),
    authorization_flow: one('flows', 'cascade', { required: true }),
    invalidation_flow: one('flows', 'cascade', { required: true }),
    property_mappings: many('scopeMappings'),
    client_type: choice(['confidential', 'public']),
    grant_types: choices(GRANT_TYPES, { since: '2026.5' }),
    client_id: text({ unique: true, maxLength: 255 }),
    client_secret: text({ blank: true, maxLength: 255 }),
    access_code_validity: duration('minutes=1'),
    access_token_validity: duration('hours=1'),
    refresh_token_validity: duration('days=30'),
    refresh_token_threshold: duration('hours=1'),
    include_claims_in_id_token: boolean(true),
    signing_key: optionalKey(),
    encryption_key: optionalKey(),
    redirect_uris: list({ required: true }),
    logout_uri: optionalText(),
    logout_method: choice(['backchannel', 'frontchannel']),
    sub_mode: choice(['hashed_user_id', 'user_id', 'user_uuid', 'user_username', 'user_email', 'user_upn']),
    issuer_mode: choice(['per_provider', 'global']),
    jwt_federation_sources: many('sources'),
    jwt_federation_providers: many('providers'),
  },
  scopeMappings: {
    managed: managed(),
    name: uniqueName(),
    expression: text({ required: true }),
    scope_name: text({ required: true }),
    description: optionalText(),
  },
  sources: {
    name: text({ required: true }),
    slug: slug({ required: true, unique: true }),
    enabled: boolean(true),
    promoted: boolean(false),
    authentication_flow: optionalFlow(),
    enrollment_flow: optionalFlow(),
    user_property_mappings: many(),
    group_property_mappings: many(),
    policy_engine_mode: choice(['any', 'all']),
    user_matching_mode: choice(['identifier', 'email_link', 'email_deny', 'username_link', 'username_deny']),
    user_path_template: text({ default: 'goauthentik.io/sources/%(slug)s' }),
    icon: optionalText(),
    group_matching_mode: choice(['identifier', 'name_link', 'name_deny']),
    // authentik has some twenty types; a source of signing keys is always this one.
    provider_type: choice(['openidconnect'], { required: true }),
    request_token_url: optionalUrl(),
    authorization_url: optionalUrl(),
    access_token_url: optionalUrl(),
    profile_url: optionalUrl(),
    pkce: choice(['none', 'plain', 'S256']),
    consumer_key: text({ required: true }),
    consumer_secret: text({ required: true }),
    additional_scopes: optionalText(),
    oidc_well_known_url: optionalText(),
    oidc_jwks_url: optionalText(),
    oidc_jwks: object() as Field<Partial<JSONWebKeySet>>,
    authorization_code_auth_method: choice(['basic_auth', 'post_body']),
  },
  staticTokens: {
    managed: managed(),
    identifier: slug({ required: true, unique: true, maxLength: 255 }),
    intent: choice(['verification', 'api', 'recovery', 'app_password']),
    user: one('users', 'cascade'),
    description: optionalText(),
    expires: date(),
    expiring: boolean(true),
  },
  users: {
    username: text({ required: true, unique: true, maxLength: MAX_USERNAME_CHARACTERS }),
    name: text({ required: true, blank: true }),
    is_active: boolean(true),
    last_login: date(),
    groups: many('groups'),
    roles: many(),
    email: text({ blank: true, default: '', maxLength: 254 }),
    attributes: object(),
    path: text({ default: 'users' }),
    type: choice(['internal', 'external', 'service_account', 'internal_service_account']),
  },
} satisfies Record<Kind, Record<string, Field>>

type Row<K extends Kind, Pk = string> = Columns<(typeof tables)[K]> & { pk: Pk }

export type Application = Row<'applications'>
export type ExpressionPolicy = Row<'policies'>
export type OAuth2Provider = Row<'providers', number>
export type OAuthSource = Row<'sources'>
export type PolicyBinding = Row<'bindings'>
export type ScopeMapping = Row<'scopeMappings'>
export type CertificatePair = Row<'certificates'> & { managed: string | null }
export type Group = Row<'groups'> & { num_pk: number }
/** authentik's "token": an API token or an app password. */
export type StaticToken = Row<'staticTokens'> & { key: string }

export type User = Row<'users', number> & {
  uuid: string
  uid: string
  date_joined: string
  password_change_date: string
  /** Only its kind: empty, or {@link UNUSABLE_PASSWORD}. Nobody logs in with one here. */
  password: '' | typeof UNUSABLE_PASSWORD
  last_updated: string
}

/** An access token that was issued and can still be revoked by deleting it. */
export type AccessToken = Row<'accessTokens', number> & {
  expires: string
  scope: string[]
  /** The id token's claims, as text: that is how authentik keeps and shows them. */
  id_token: string
  revoked: boolean
  /** The signed token itself; never shown by the API. */
  token: string
}

export type Flow = Row<'flows'> & {
  policybindingmodel_ptr_id: string
  name: string
  slug: string
  title: string
  designation: string
  authentication: string
}

export interface Rows {
  accessTokens: AccessToken
  applications: Application
  bindings: PolicyBinding
  certificates: CertificatePair
  flows: Flow
  groups: Group
  policies: ExpressionPolicy
  providers: OAuth2Provider
  scopeMappings: ScopeMapping
  sources: OAuthSource
  staticTokens: StaticToken
  users: User
}

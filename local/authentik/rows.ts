/**
 * What the stand-in keeps: one interface per kind of object, with authentik's own field names, so that a stored row is
 * what the API takes and what it answers, less the fields that are computed on the way out.
 */
import type { JSONWebKeySet } from 'jose'

/** Anything that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export type JsonObject = { [key: string]: Json }

/** A point in time as the API writes it, with Django's six digits of a second. */
export const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z')

export interface Group {
  pk: string
  num_pk: number
  name: string
  is_superuser: boolean
  parents: string[]
  attributes: JsonObject
  roles: string[]
}

export interface User {
  pk: number
  uuid: string
  uid: string
  username: string
  name: string
  is_active: boolean
  last_login: string | null
  date_joined: string
  groups: string[]
  roles: string[]
  email: string
  attributes: JsonObject
  path: string
  type: string
  password_change_date: string
  /** Only its kind: empty, or {@link UNUSABLE_PASSWORD}. Nobody logs in with one here. */
  password: '' | typeof UNUSABLE_PASSWORD
  last_updated: string
}

/** What Django's `set_unusable_password` begins with. */
export const UNUSABLE_PASSWORD = '!'

/** authentik's "token": an API token or an app password. */
export interface StaticToken {
  pk: string
  managed: string | null
  identifier: string
  intent: string
  user: number
  description: string
  expires: string | null
  expiring: boolean
  key: string
}

export interface CertificatePair {
  pk: string
  name: string
  certificate_data: string
  key_data: string
  managed: string | null
}

export interface ScopeMapping {
  pk: string
  managed: string | null
  name: string
  expression: string
  scope_name: string
  description: string
}

export interface ExpressionPolicy {
  pk: string
  name: string
  execution_logging: boolean
  expression: string
}

export interface PolicyBinding {
  pk: string
  policy: string | null
  group: string | null
  user: number | null
  target: string
  negate: boolean
  enabled: boolean
  order: number
  timeout: number
  failure_result: boolean
}

export interface OAuthSource {
  pk: string
  name: string
  slug: string
  enabled: boolean
  promoted: boolean
  authentication_flow: string | null
  enrollment_flow: string | null
  user_property_mappings: string[]
  group_property_mappings: string[]
  policy_engine_mode: string
  user_matching_mode: string
  user_path_template: string
  icon: string
  group_matching_mode: string
  provider_type: string
  request_token_url: string | null
  authorization_url: string | null
  access_token_url: string | null
  profile_url: string | null
  pkce: string
  consumer_key: string
  consumer_secret: string
  additional_scopes: string
  oidc_well_known_url: string
  oidc_jwks_url: string
  oidc_jwks: Partial<JSONWebKeySet>
  authorization_code_auth_method: string
}

export interface OAuth2Provider {
  pk: number
  name: string
  authentication_flow: string | null
  authorization_flow: string
  invalidation_flow: string
  property_mappings: string[]
  client_type: string
  /** Absent from a provider made before 2026.5. */
  grant_types?: string[]
  client_id: string
  client_secret: string
  access_code_validity: string
  access_token_validity: string
  refresh_token_validity: string
  refresh_token_threshold: string
  include_claims_in_id_token: boolean
  signing_key: string | null
  encryption_key: string | null
  redirect_uris: Json[]
  logout_uri: string
  logout_method: string
  sub_mode: string
  issuer_mode: string
  jwt_federation_sources: string[]
  jwt_federation_providers: number[]
}

export interface Application {
  pk: string
  name: string
  slug: string
  provider: number | null
  backchannel_providers: number[]
  open_in_new_tab: boolean
  meta_launch_url: string
  meta_icon: string
  meta_description: string
  meta_publisher: string
  policy_engine_mode: string
  group: string
  meta_hide?: boolean
}

/** An access token that was issued and can still be revoked by deleting it. */
export interface AccessToken {
  pk: number
  provider: number
  user: number
  expires: string
  scope: string[]
  /** The id token's claims, as text: that is how authentik keeps and shows them. */
  id_token: string
  revoked: boolean
  /** The signed token itself; never shown by the API. */
  token: string
}

export interface Flow {
  pk: string
  policybindingmodel_ptr_id: string
  name: string
  slug: string
  title: string
  designation: string
  authentication: string
}

export interface Rows {
  groups: Group
  users: User
  staticTokens: StaticToken
  certificates: CertificatePair
  scopeMappings: ScopeMapping
  policies: ExpressionPolicy
  bindings: PolicyBinding
  sources: OAuthSource
  providers: OAuth2Provider
  applications: Application
  accessTokens: AccessToken
  flows: Flow
}

export type Kind = keyof Rows

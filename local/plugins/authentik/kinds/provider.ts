import type {
  GrantTypeEnum,
  OAuth2Provider,
  OAuth2ProviderRequest,
  RedirectURI,
  RedirectURIRequest,
  ScopeMapping,
  ScopeMappingRequest,
} from '@goauthentik/api/dist/esm/index.js'
import { inOrderOf, kind } from '../kind.ts'

export const scopeMapping = kind<ScopeMappingRequest, ScopeMapping>({
  defaults: {},
  request: (wanted) => ({
    name: wanted.text('name'),
    scopeName: wanted.text('scopeName'),
    expression: wanted.text('expression'),
    ...wanted.given('description'),
  }),
  create: (api, scopeMappingRequest) =>
    api.propertyMappings.propertymappingsProviderScopeCreate({ scopeMappingRequest }),
  read: (api, pmUuid) => api.propertyMappings.propertymappingsProviderScopeRetrieve({ pmUuid }),
  update: (api, pmUuid, scopeMappingRequest) =>
    api.propertyMappings.propertymappingsProviderScopeUpdate({ pmUuid, scopeMappingRequest }),
  delete: (api, pmUuid) => api.propertyMappings.propertymappingsProviderScopeDestroy({ pmUuid }),
  id: ({ pk }) => pk,
  state: ({ name, scopeName, expression, description }) => ({ name, scopeName, expression, description }),
  find: async (api, wanted) => {
    const { results } = await api.propertyMappings.propertymappingsProviderScopeList({ name: wanted.text('name') })
    return results[0]?.pk
  },
})

/** In Terraform a map with the API's own (snake case) names. */
const redirectRequest = (uri: Record<string, string>): RedirectURIRequest =>
  ({ matchingMode: uri.matching_mode ?? 'strict', url: uri.url ?? '' }) as RedirectURIRequest

const redirectState = ({ matchingMode, url }: RedirectURI) => ({ matching_mode: matchingMode, url })

export const providerOauth2 = kind<OAuth2ProviderRequest, OAuth2Provider>({
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
  request: (wanted) => ({
    name: wanted.text('name'),
    accessCodeValidity: wanted.text('accessCodeValidity'),
    accessTokenValidity: wanted.text('accessTokenValidity'),
    refreshTokenValidity: wanted.text('refreshTokenValidity'),
    refreshTokenThreshold: wanted.text('refreshTokenThreshold'),
    authenticationFlow: wanted.textOrNull('authenticationFlow'),
    authorizationFlow: wanted.text('authorizationFlow'),
    invalidationFlow: wanted.text('invalidationFlow'),
    clientId: wanted.text('clientId'),
    ...wanted.given('clientSecret'),
    clientType: wanted.choice('clientType'),
    // Only sent when set: authentik before 2026.5 does not know it.
    ...(wanted.has('grantTypes') ? { grantTypes: wanted.texts('grantTypes') as GrantTypeEnum[] } : {}),
    encryptionKey: wanted.textOrNull('encryptionKey'),
    signingKey: wanted.textOrNull('signingKey'),
    includeClaimsInIdToken: wanted.flag('includeClaimsInIdToken'),
    issuerMode: wanted.choice('issuerMode'),
    subMode: wanted.choice('subMode'),
    jwtFederationProviders: wanted.numbers('jwtFederationProviders'),
    jwtFederationSources: wanted.texts('jwtFederationSources'),
    logoutMethod: wanted.choice('logoutMethod'),
    ...wanted.given('logoutUri'),
    propertyMappings: wanted.texts('propertyMappings'),
    redirectUris: wanted.maps('allowedRedirectUris').map(redirectRequest),
  }),
  create: (api, oAuth2ProviderRequest) => api.providers.providersOauth2Create({ oAuth2ProviderRequest }),
  read: (api, id) => api.providers.providersOauth2Retrieve({ id: Number(id) }),
  update: (api, id, oAuth2ProviderRequest) =>
    api.providers.providersOauth2Update({ id: Number(id), oAuth2ProviderRequest }),
  delete: (api, id) => api.providers.providersOauth2Destroy({ id: Number(id) }),
  id: ({ pk }) => String(pk),
  state: (entity, prior) => ({
    name: entity.name,
    accessCodeValidity: entity.accessCodeValidity,
    accessTokenValidity: entity.accessTokenValidity,
    refreshTokenValidity: entity.refreshTokenValidity,
    refreshTokenThreshold: entity.refreshTokenThreshold,
    authenticationFlow: entity.authenticationFlow,
    authorizationFlow: entity.authorizationFlow,
    invalidationFlow: entity.invalidationFlow,
    clientId: entity.clientId,
    clientSecret: entity.clientSecret,
    clientType: entity.clientType,
    grantTypes: inOrderOf(prior.texts('grantTypes'), entity.grantTypes),
    encryptionKey: entity.encryptionKey,
    signingKey: entity.signingKey,
    includeClaimsInIdToken: entity.includeClaimsInIdToken,
    issuerMode: entity.issuerMode,
    subMode: entity.subMode,
    jwtFederationProviders: inOrderOf(prior.numbers('jwtFederationProviders'), entity.jwtFederationProviders),
    jwtFederationSources: inOrderOf(prior.texts('jwtFederationSources'), entity.jwtFederationSources),
    logoutMethod: entity.logoutMethod,
    logoutUri: entity.logoutUri,
    propertyMappings: inOrderOf(prior.texts('propertyMappings'), entity.propertyMappings),
    allowedRedirectUris: entity.redirectUris.map(redirectState),
  }),
  find: async (api, wanted) => {
    const byName = await api.providers.providersOauth2List({ name: wanted.text('name') })
    const byClient = await api.providers.providersOauth2List({ clientId: wanted.text('clientId') })
    const found = byName.results[0] ?? byClient.results[0]
    return found && String(found.pk)
  },
})

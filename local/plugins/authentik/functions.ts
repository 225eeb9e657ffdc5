/** The package's functions (Terraform's data sources). */
import type { Properties } from '../engine/values.ts'
import { type Api, ApiError } from './api.ts'

type Lookup = (api: Api, args: Properties) => Promise<Properties>

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** A filter for a list call; what is not given does not filter. */
const filter = <Name extends string>(args: Properties, name: Name, from: string = name): { [key in Name]?: string } => {
  const value = text(args[from])
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: string })
}

function theOne<T>(what: string, args: Properties, results: readonly T[]): T {
  const [first] = results
  if (first === undefined) throw new ApiError(404, `authentik has no ${what} with ${JSON.stringify(args)}`)
  return first
}

const getFlow: Lookup = async (api, args) => {
  const { results } = await api.flows.flowsInstancesList(filter(args, 'slug'))
  const matching = results.filter((flow) => !text(args.designation) || flow.designation === args.designation)
  const { pk, name, slug, title, designation, authentication } = theOne('flow', args, matching)
  return { id: pk, name, slug, title, designation, authentication }
}

const getCertificateKeyPair: Lookup = async (api, args) => {
  const { fetchCertificate = true, fetchKey = true } = args
  const { results } = await api.crypto.cryptoCertificatekeypairsList(filter(args, 'name'))
  const pair = theOne('certificate-key pair', args, results)
  const at = { kpUuid: pair.pk }
  return {
    id: pair.pk,
    name: pair.name,
    expiry: pair.certExpiry?.toISOString() ?? '',
    subject: pair.certSubject ?? '',
    fingerprint1: pair.fingerprintSha1 ?? '',
    fingerprint256: pair.fingerprintSha256 ?? '',
    fetchCertificate,
    fetchKey,
    certificateData: fetchCertificate
      ? (await api.crypto.cryptoCertificatekeypairsViewCertificateRetrieve(at)).data
      : '',
    keyData: fetchKey ? (await api.crypto.cryptoCertificatekeypairsViewPrivateKeyRetrieve(at)).data : '',
  }
}

const getGroup: Lookup = async (api, args) => {
  const includeUsers = args.includeUsers !== false
  const pk = text(args.pk)
  const group = pk
    ? await api.core.coreGroupsRetrieve({ groupUuid: pk, includeUsers })
    : theOne('group', args, (await api.core.coreGroupsList({ ...filter(args, 'name'), includeUsers })).results)
  return {
    id: group.pk,
    pk: group.pk,
    numPk: group.numPk,
    name: group.name,
    isSuperuser: group.isSuperuser ?? false,
    includeUsers,
    parents: group.parents ?? [],
    parentName: '',
    users: group.users ?? [],
    usersObjs: (group.usersObj ?? []).map((user) => ({
      pk: user.pk,
      username: user.username,
      name: user.name,
      email: user.email ?? '',
      isActive: user.isActive ?? false,
      lastLogin: user.lastLogin?.toISOString() ?? '',
      uid: user.uid,
      attributes: JSON.stringify(user.attributes ?? {}),
    })),
    attributes: JSON.stringify(group.attributes ?? {}),
  }
}

const getPropertyMappingProviderScope: Lookup = async (api, args) => {
  const managedLists = Array.isArray(args.managedLists) ? args.managedLists.map(String) : []
  const managed = text(args.managed) ? [String(args.managed)] : managedLists
  const { results } = await api.propertyMappings.propertymappingsProviderScopeList({
    ...filter(args, 'name'),
    ...filter(args, 'scopeName'),
    ...(managed.length > 0 ? { managed } : {}),
  })
  const first = theOne('scope mapping', args, results)
  const { pk, name, scopeName, expression, description = '' } = first
  const ids = results.map((mapping) => mapping.pk)
  return { id: pk, ids, name, scopeName, expression, description, managed: first.managed ?? '', managedLists }
}

const getProviderOauth2Config: Lookup = async (api, args) => {
  const provider =
    args.providerId === undefined
      ? theOne('OAuth2 provider', args, (await api.providers.providersOauth2List(filter(args, 'name'))).results)
      : await api.providers.providersOauth2Retrieve({ id: Number(args.providerId) })
  const urls = await api.providers.providersOauth2SetupUrlsRetrieve({ id: provider.pk })
  return {
    id: String(provider.pk),
    // The real one answers the number as `id` alone, and repeats what it was asked with.
    ...(args.providerId === undefined ? {} : { providerId: provider.pk }),
    name: provider.name,
    authorizeUrl: urls.authorize,
    issuerUrl: urls.issuer,
    jwksUrl: urls.jwks,
    logoutUrl: urls.logout,
    providerInfoUrl: urls.providerInfo,
    tokenUrl: urls.token,
    userInfoUrl: urls.userInfo,
  }
}

const getUser: Lookup = async (api, args) => {
  const user =
    args.pk === undefined
      ? theOne('user', args, (await api.core.coreUsersList(filter(args, 'username'))).results)
      : await api.core.coreUsersRetrieve({ id: Number(args.pk) })
  const { pk, username, name, email = '', avatar, groups = [], path = '', type = '', uid, uuid } = user
  return {
    id: String(pk),
    pk,
    username,
    name,
    email,
    avatar,
    groups,
    path,
    type,
    uid,
    uuid,
    isActive: user.isActive ?? false,
    isSuperuser: user.isSuperuser,
    dateJoined: user.dateJoined.toISOString(),
    lastLogin: user.lastLogin?.toISOString() ?? '',
    attributes: JSON.stringify(user.attributes ?? {}),
  }
}

const FUNCTIONS: Record<string, Lookup> = {
  'authentik:index/getCertificateKeyPair:getCertificateKeyPair': getCertificateKeyPair,
  'authentik:index/getFlow:getFlow': getFlow,
  'authentik:index/getGroup:getGroup': getGroup,
  'authentik:index/getPropertyMappingProviderScope:getPropertyMappingProviderScope': getPropertyMappingProviderScope,
  'authentik:index/getProviderOauth2Config:getProviderOauth2Config': getProviderOauth2Config,
  'authentik:index/getUser:getUser': getUser,
}

/** Looks something up. Throws when there is no such function, or nothing that fits. */
export async function invokeFunction(api: Api, token: string, args: Properties): Promise<Properties> {
  const lookup = FUNCTIONS[token]
  if (!lookup) throw new Error(`the stand-in for authentik's Terraform provider has no function ${token}`)
  return lookup(api, args)
}

/** The whole system, one line per part: configuration, authentik, Kubernetes, outputs. */
import { bundleService } from '../service/bundle.ts'
import { AccessGroups } from './authentik/access-groups.ts'
import { issuer as issuerOf, REGISTRY_NAME, tokenEndpoint } from './authentik/names.ts'
import { OAuthApplication } from './authentik/oauth-application.ts'
import { ScopeMapping } from './authentik/scope-mapping.ts'
import { SigningKey } from './authentik/signing-key.ts'
import { Sources } from './authentik/sources.ts'
import { readSettings } from './config.ts'
import { JWT_USER_NAME } from './jwt-user-name.ts'
import { Ingress } from './kubernetes/ingress.ts'
import { makeNamespace } from './kubernetes/namespace.ts'
import { Registry } from './kubernetes/registry.ts'
import { TokenService } from './kubernetes/token-service.ts'
import { publicUrl } from './public-url.ts'
import { githubWorkflow as githubWorkflowFor } from './workflows/github.ts'
import { gitlabCi as gitlabCiFor } from './workflows/gitlab.ts'

const settings = readSettings()
const { image, nodeImage } = settings
const code = image === undefined ? { nodeImage, bundle: await bundleService() } : { image }

export const registry = settings.host
export const tokenUrl = `${publicUrl(settings.host)}/token`
export const issuer = issuerOf(settings.authentikUrl)
export const audience = settings.audience

const sources = new Sources('sources', settings)
const signingKey = new SigningKey(REGISTRY_NAME)
const groups = new AccessGroups('access', settings)
const mapping = new ScopeMapping(REGISTRY_NAME, settings)
const application = new OAuthApplication(REGISTRY_NAME, {
  title: 'Docker registry',
  clientId: settings.clientId,
  tokenMinutes: settings.tokenLifetimeMinutes,
  signingKeyId: signingKey.pairId,
  scopeMappingIds: [mapping.mappingId],
  sourceUuids: sources.uuids,
})
export const clientId = application.clientId
export const pushGroup = groups.pushGroup
export const certificate = signingKey.certificate
export const jwks = signingKey.jwks

const namespace = makeNamespace(settings.namespace)
const tokenService = new TokenService({
  namespace,
  code,
  tokenEndpoint: tokenEndpoint(settings.authentikUrl),
  clientId,
  scope: REGISTRY_NAME,
  jwtUserName: JWT_USER_NAME,
})
const distribution = new Registry({
  namespace,
  image: settings.registryImage,
  config: { realm: tokenUrl, service: clientId, issuer },
  certificate,
  jwks,
  storageClass: settings.storageClass,
  storageSize: settings.storageSize,
})
new Ingress({
  namespace,
  host: settings.host,
  className: settings.ingressClass,
  tlsSecret: settings.ingressTlsSecret,
  annotations: settings.ingressAnnotations,
  tokenService: tokenService.service,
  registry: distribution.service,
})

export const githubWorkflow = githubWorkflowFor(settings)
export const gitlabCi = gitlabCiFor(settings)

/** The whole system, one line per part: configuration, authentik, Kubernetes, outputs. */
import { bundleCleanUp } from '../clean-up/bundle.ts'
import { bundleEvents } from '../events/bundle.ts'
import { bundleProber } from '../prober/bundle.ts'
import { bundleService } from '../service/bundle.ts'
import { JWT_USER_NAME } from '../service/config.ts'
import { webUrl } from '../trust/platforms/web-url.ts'
import { AccessGroups } from './authentik/access-groups.ts'
import {
  issuer as issuerOf,
  jwksUrl,
  REGISTRY_NAME,
  SESSION_NAME,
  TRUST_POLICY_NAME,
  tokenEndpoint,
} from './authentik/names.ts'
import { OAuthApplication } from './authentik/oauth-application.ts'
import { openAuthentik } from './authentik/preflight.ts'
import { makeSigningKeys } from './authentik/signing-keys.ts'
import { Sources } from './authentik/sources.ts'
import { TrustPolicy } from './authentik/trust-policy.ts'
import { readImageStorage } from './former-storage.ts'
import { credentialProvider, credentialProviderConfig } from './kubelet/credential-provider.ts'
import { NodeAudience } from './kubelet/node-audience.ts'
import { CleanUp } from './kubernetes/clean-up.ts'
import { eventCallsOf } from './kubernetes/events-setting.ts'
import { HttpRoutes } from './kubernetes/http-routes.ts'
import { Ingress } from './kubernetes/ingress.ts'
import { makeNamespace } from './kubernetes/namespace.ts'
import { callsOf, NetworkPolicies, registryCallsOf } from './kubernetes/network-policies.ts'
import { Probers } from './kubernetes/probers.ts'
import { Registry } from './kubernetes/registry.ts'
import { storageDriver } from './kubernetes/storage-driver.ts'
import { TokenService } from './kubernetes/token-service.ts'
import { publicUrl } from './public-url.ts'
import { PullSecret } from './pull-secrets/pull-secret.ts'
import { readSettings } from './read-settings.ts'
import { fromSource } from './workflows/from-source.ts'
import { githubWorkflow as githubWorkflowFor } from './workflows/github.ts'
import { gitlabCi as gitlabCiFor } from './workflows/gitlab.ts'

const settings = await readSettings()
const authentik = await openAuthentik(settings)
// Grafana's builder and Kubernetes' client take a second to load.
const monitoring = settings.monitoring.objects ? await import('./monitoring/monitoring.ts') : undefined
const monitoringKinds = await monitoring?.readMonitoringKinds()
const { image, nodeImage } = settings
const code = image === undefined ? { nodeImage, bundle: await bundleService() } : { image }

const storageUsed = storageDriver(settings.storage)
const images = await readImageStorage(storageUsed, settings.deleteImages)

export const registry = settings.host
export const storage = storageUsed.inWords
export const volume = images.volume
export const tokenUrl = `${publicUrl(settings.host)}/token`
export const issuer = issuerOf(settings.authentikUrl)
export const audience = settings.audience
export const trust = settings.trust.inWords

const sources = new Sources('sources', { ...settings, ...authentik })
const keys = makeSigningKeys({ ...settings, histories: authentik.keyHistories })
const groups = new AccessGroups('access', settings)
// The rules name the sources by their slugs: a source that is not there yet refuses its jobs.
const policy = new TrustPolicy(TRUST_POLICY_NAME, settings.trust, { dependsOn: sources })
export const pushGroup = groups.pushGroup
export const certificate = keys.certificates
export const jwks = keys.jwks

const namespace = makeNamespace(settings.namespace, settings.deleteImages)
const outwardCalls = {
  caBundle: settings.caBundle,
  proxy: settings.proxy === undefined ? undefined : { url: settings.proxy, except: settings.noProxy },
}
const ownCluster = settings.clusterPulls.find(({ context }) => context === undefined)
const tokenService = new TokenService({
  namespace,
  code,
  tokenEndpoint: tokenEndpoint(settings.authentikUrl),
  clientId: settings.clientId,
  scope: REGISTRY_NAME,
  sessions: settings.sessionHours === 0 ? undefined : { clientId: SESSION_NAME, scope: SESSION_NAME },
  trustDocument: settings.trust.document,
  issuerKeys: JSON.stringify(settings.sources.map(({ issuer, keys }) => ({ issuer, keys }))),
  registryJwks: keys.datedJwks,
  jwksUrl: jwksUrl(settings.authentikUrl),
  replicas: settings.replicas,
  autoscaling: settings.autoscaling.tokenService,
  trustedProxies: settings.trustedProxies,
  explainRefusedPush: settings.explainRefusedPush,
  anonymousPull: settings.anonymousPull,
  ownCluster: ownCluster && { source: ownCluster.slug, namespaceName: settings.namespace },
  jwtUserName: JWT_USER_NAME,
  ...outwardCalls,
  environment: settings.environment,
  pods: settings,
})
const distribution = new Registry({
  namespace,
  image: settings.registryImage,
  config: { realm: tokenUrl, service: settings.clientId, issuer },
  events: settings.events && {
    events: settings.events,
    token: settings.eventsToken,
    registryUrl: publicUrl(settings.host),
    sources: settings.sources.map((source) => ({ slug: source.slug, platform: source.platform, web: webUrl(source) })),
    nodeImage: image ?? nodeImage,
    bundle: await bundleEvents(),
  },
  certificate,
  jwks,
  storage: storageUsed,
  hasVolume: images.volume !== 'none',
  storageClass: settings.storageClass,
  storageSize: settings.storageSize,
  replicas: settings.registryReplicas,
  autoscaling: settings.autoscaling.registry,
  nodeImage: image ?? nodeImage,
  ...outwardCalls,
  pods: settings,
  deleteImages: settings.deleteImages,
})
// authentik signs with a new key only when everyone who verifies knows it, and has rolled out.
const exchange = {
  authentik,
  policyId: policy.policyId,
  sourceUuids: sources.uuids,
  verifiers: {
    resources: [tokenService, distribution],
    rolledOut: async () => {
      const { waitForRollouts } = await import('./kubernetes/rollout.ts')
      await waitForRollouts({
        namespace: settings.namespace,
        names: [tokenService.deployment, distribution.deployment],
      })
    },
  },
}
const sessions =
  settings.sessionHours === 0
    ? undefined
    : new OAuthApplication(SESSION_NAME, {
        ...exchange,
        keys: keys.sessions,
        title: 'Sessions of CI jobs',
        clientId: SESSION_NAME,
        clientType: 'public',
        tokenMinutes: settings.sessionHours * 60,
        mapping: 'ci_session',
      })
const application = new OAuthApplication(REGISTRY_NAME, {
  ...exchange,
  keys: keys.registry,
  title: 'Docker registry',
  clientId: settings.clientId,
  clientType: 'confidential',
  tokenMinutes: settings.tokenLifetimeMinutes,
  mapping: 'docker_registry',
  exchangesTokensOf: sessions === undefined ? [] : [sessions],
})
export const clientId = application.clientId

if (settings.garbageCollection !== undefined) {
  new CleanUp({
    namespace,
    collection: settings.garbageCollection,
    retention: settings.retention,
    nodeImage: image ?? nodeImage,
    bundle: await bundleCleanUp(),
    registry: distribution.pod,
    onRegistrysNode: !storageUsed.isShared,
    clientId: settings.clientId,
    tokenMinutes: settings.tokenLifetimeMinutes,
    pods: settings,
  })
}
if (settings.probers !== undefined) {
  new Probers({
    namespace,
    nodeImage: image ?? nodeImage,
    bundle: await bundleProber(),
    tokenService: tokenService.service,
    registry: distribution.service,
    clientId: settings.clientId,
    audience: settings.probers.audience,
    pods: settings,
  })
}
if (settings.networkPolicies) {
  new NetworkPolicies({
    namespace,
    namespaceName: settings.namespace,
    ingressNamespace: settings.ingressNamespace,
    monitoringNamespace: settings.monitoring.namespace,
    calls: callsOf(settings),
    asksCluster: ownCluster !== undefined,
    registry: registryCallsOf(storageUsed, settings),
    eventCalls: eventCallsOf(settings),
    hasCleanUp: settings.garbageCollection !== undefined,
    hasProbers: settings.probers !== undefined,
  })
}
if (monitoring !== undefined && monitoringKinds !== undefined) {
  new monitoring.Monitoring({
    namespace,
    namespaceName: settings.namespace,
    setting: settings.monitoring,
    kinds: monitoringKinds,
    ciSource: settings.ciSource,
  })
}
const entrance = {
  namespace,
  host: settings.host,
  tokenService: tokenService.service,
  registry: distribution.service,
}
if (settings.exposure === 'ingress') {
  new Ingress({
    ...entrance,
    className: settings.ingressClass,
    tlsSecret: settings.ingressTlsSecret,
    annotations: settings.ingressAnnotations,
  })
} else if (settings.exposure === 'gateway' && settings.gateway !== undefined) {
  new HttpRoutes({ ...entrance, gateway: settings.gateway, namespaceName: settings.namespace })
}

const pullAudience = ownCluster?.audience ?? settings.audience
if (ownCluster !== undefined) {
  new NodeAudience({ namespaceName: settings.namespace, audience: pullAudience })
}
for (const entry of settings.pullSecrets) {
  new PullSecret({
    entry,
    namespace,
    namespaceName: settings.namespace,
    registry: settings.host,
    service: clientId,
    tokenService: tokenService.service,
    audience: pullAudience,
    sessionHours: settings.sessionHours,
    nodeImage,
    pods: settings,
  })
}
export const kubeletCredentialProvider = credentialProvider(settings.host)
export const kubeletCredentialProviderConfig = credentialProviderConfig(settings.host, pullAudience)

export const githubWorkflowPlain = githubWorkflowFor(settings)
export const gitlabCiPlain = gitlabCiFor(settings)
const shortTexts = settings.ciSource === undefined ? undefined : fromSource(settings, settings.ciSource)
export const githubWorkflow = shortTexts?.githubWorkflow ?? githubWorkflowPlain
export const gitlabCi = shortTexts?.gitlabCi ?? gitlabCiPlain

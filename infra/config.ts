/**
 * The stack's configuration as one checked value.
 *
 * It reports everything wrong at once, before it makes anything: a program that stops half-way leaves half a registry.
 * Pulumi.yaml declares types, descriptions and defaults; this file decides which values are valid.
 */
import * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'
import type { Retention } from '../clean-up/retention/rules.ts'
import { parseProxies } from '../service/trusted-proxies.ts'
import { loadPolicy } from '../trust/decision/policy.ts'
import { type PullingCluster, parseClusterPulls, withOwnCluster } from '../trust/language/cluster-pulls.ts'
import type { TrustSource } from '../trust/language/source-schema.ts'
import { accountAudience, anonymousRule, noRuleForAccount } from './kubernetes/anonymous-pull.ts'
import { autoscalingSetting, MAX_REPLICAS } from './kubernetes/availability.ts'
import { cleanUpMistakes, cleanUpSettings } from './kubernetes/clean-up-settings.ts'
import type { ClusterIdentities } from './kubernetes/cluster-identity.ts'
import { eventsMistakes, eventsSettings } from './kubernetes/events-setting.ts'
import { exposureSettings, exposureWarnings, lacksGateway, proxyWarnings } from './kubernetes/exposure-settings.ts'
import { podSettings } from './kubernetes/pod-settings.ts'
import { noRuleForProber, proberAudience, proberRule } from './kubernetes/prober-accounts.ts'
import { noRuleForRetention, retentionAudience, retentionRule } from './kubernetes/retention-account.ts'
import { environmentSetting } from './kubernetes/service-environment.ts'
import { storageSetting, volumeMistakes } from './kubernetes/storage-setting.ts'
import { monitoringSetting } from './monitoring/setting.ts'
import { pullSecretMistakes, pullSecretRules, pullSecretsSetting } from './pull-secrets/setting.ts'
import { declaredDefaults } from './setting-defaults.ts'
import { cameInstead, fromJson, mistake, PROJECT, shown } from './setting-mistakes.ts'
import { caBundle, httpUrl, noProxy, registryHost } from './setting-schemas.ts'
import { checkTrust, type Trust } from './trust.ts'

/** Longer-lived registry tokens would outlive a change of groups for too long; clients fetch new ones by themselves. */
const MAX_TOKEN_LIFETIME_MINUTES = 60
/** No CI job that needs a session takes longer than a day. */
const MAX_SESSION_HOURS = 24
/** One a day for ten years. */
const MAX_KEY_GENERATION = 3650
/** authentik allows longer names of groups, but its page does not show more. */
const MAX_GROUP_NAME = 80

/** An empty text means "not set". Not a union: its message would always be "Invalid input". */
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional())
const text = (pattern: RegExp, expected: string) => z.string({ error: expected }).regex(pattern, { error: expected })
const name = text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a Kubernetes name: a-z, 0-9 and "-"')
const qualifiedName = text(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'a Kubernetes name: a-z, 0-9, "-" and "."')
const image = text(/^[\w./:@-]+$/, 'an image reference')
const groupName = text(/^\P{C}+$/u, 'the name of an authentik group').max(MAX_GROUP_NAME, {
  error: `a group name of at most ${MAX_GROUP_NAME} characters`,
})

/** `pulumi config set` writes a text or a boolean. */
const yesOrNo = z.enum(['true', 'false'], { error: 'true or false' }).transform((value) => value === 'true')

/** A whole number, as text or as number: `pulumi config set` writes either. */
const count = (unit: string, { least, most }: { least: number; most: number }) =>
  z.coerce
    .number({ error: `a whole number of ${unit}` })
    .int({ error: `a whole number of ${unit}` })
    .min(least, { error: `at least ${least} ${unit}` })
    .max(most, { error: `at most ${most} ${unit}` })

const keyGeneration = count('key generations', { least: 1, most: MAX_KEY_GENERATION })

const settings = {
  host: { schema: registryHost, example: 'registry.example.com' },
  authentikUrl: { schema: httpUrl, example: 'https://authentik.example.com' },
  audience: {
    // Inserted into workflow texts, where $ and { would start an expression.
    schema: optional(
      text(/^[\w.~:/?#@!&*+,;=%-]{1,255}$/, 'an audience of letters, digits and URL characters, without $ and {'),
    ),
    example: 'registry.example.com',
  },
  clientId: { schema: text(/^[\w.-]{1,255}$/, 'letters, digits, ".", "_" and "-"'), example: 'docker-registry' },
  tokenLifetimeMinutes: {
    schema: count('minutes', { least: 1, most: MAX_TOKEN_LIFETIME_MINUTES }),
    example: '10',
  },
  sessionHours: { schema: count('hours', { least: 0, most: MAX_SESSION_HOURS }), example: '6' },
  keyGeneration: { schema: keyGeneration, example: '2' },
  sessionKeyGeneration: { schema: keyGeneration, example: '2' },
  revokeKeys: { schema: yesOrNo, example: 'true' },
  pushGroup: { schema: groupName, example: 'acl_docker_push' },
  pullGroup: { schema: groupName, example: 'acl_docker_pull' },
  // These have a language and messages of their own: infra/trust.ts.
  sources: { schema: z.unknown(), path: 'sources', example: '' },
  trust: { schema: z.unknown(), path: 'trust', example: '' },
  clusterPulls: { schema: z.unknown(), path: 'clusterPulls[0]', example: 'shop' },
  pullSecrets: pullSecretsSetting,
  anonymousPull: {
    // Becomes part of a list with commas.
    schema: z.array(text(/^[a-z0-9][a-z0-9._/*-]{0,254}$/, 'a repository name, or a pattern of names'), {
      error: 'a list of repository names and patterns',
    }),
    path: 'anonymousPull[0]',
    example: 'public/**',
  },
  namespace: { schema: name, example: 'passwordless-registry' },
  ...exposureSettings,
  ingressClass: { schema: optional(qualifiedName), example: 'haproxy' },
  ingressTlsSecret: { schema: optional(qualifiedName), example: 'registry-tls' },
  ingressAnnotations: {
    schema: z.record(z.string(), z.string({ error: 'a text; numbers and booleans need quotes' }), {
      error: 'a map of annotation to text',
    }),
    path: 'ingressAnnotations["cert-manager.io/cluster-issuer"]',
    example: 'letsencrypt',
  },
  explainRefusedPush: { schema: yesOrNo, example: 'true' },
  trustedProxies: {
    schema: z.array(
      z.string().refine((entry) => parseProxies(entry) !== undefined, { error: 'an address or a network' }),
      { error: 'a list of addresses and networks' },
    ),
    path: 'trustedProxies[0]',
    example: '10.0.0.0/8',
  },
  networkPolicies: { schema: yesOrNo, example: 'false' },
  ingressNamespace: { schema: optional(name), example: 'haproxy-controller' },
  monitoring: monitoringSetting,
  caBundle: { schema: optional(caBundle), example: '-----BEGIN CERTIFICATE-----...' },
  proxy: { schema: optional(httpUrl), example: 'http://proxy.example.com:3128' },
  noProxy: { schema: noProxy, example: '.svc,.cluster.local,localhost,127.0.0.1' },
  environment: environmentSetting,
  ...podSettings,
  storage: storageSetting,
  storageClass: { schema: optional(qualifiedName), example: 'standard' },
  storageSize: { schema: text(/^[1-9]\d*(Mi|Gi|Ti|M|G|T)$/, 'a size with its unit'), example: '20Gi' },
  ...cleanUpSettings,
  ...eventsSettings,
  probers: { schema: yesOrNo, example: 'true' },
  deleteImages: { schema: yesOrNo, example: 'true' },
  ciSource: {
    schema: optional(
      text(/^[A-Za-z0-9][\w.-]*\/[\w.-]+@[\w./-]+$/, 'a repository of GitHub and a tag of it: owner/repository@tag'),
    ),
    example: 'acme/passwordless-registry@v1.0.0',
  },
  replicas: { schema: count('replicas', { least: 0, most: MAX_REPLICAS }), example: '2' },
  registryReplicas: { schema: count('replicas', { least: 0, most: MAX_REPLICAS }), example: '2' },
  autoscaling: autoscalingSetting,
  image: { schema: optional(image), example: 'registry.example.com/token-service:1.0.0' },
  nodeImage: { schema: image, example: 'docker.io/library/node:24-slim' },
  registryImage: { schema: image, example: 'docker.io/library/registry:3.1.2' },
} satisfies Record<string, { schema: z.ZodType; example: string; path?: string }>

type SettingName = keyof typeof settings
type Values = { [Name in SettingName]: z.output<(typeof settings)[Name]['schema']> }

/** The checked configuration. Empty optional settings are undefined; URLs end without a slash. */
export type Settings = Omit<
  Values,
  'retention' | 'probers' | 'anonymousPull' | 'audience' | 'clusterPulls' | 'sources' | 'trust'
> & {
  audience: string
  /** The clusters whose pods pull with the token of their service account. */
  clusterPulls: readonly PullingCluster[]
  /** What is open without login, and the audience of the token with which the token service pulls for those clients. */
  anonymousPull: { repositories: string[]; audience: string }
  sources: readonly TrustSource[]
  trust: Trust
  /** The rules of retention, and the audience of the token with which they are applied. */
  retention: { rules: Retention; audience: string } | undefined
  /** The audience of the tokens of the probers; undefined without them. */
  probers: { audience: string } | undefined
}

/** What Pulumi passes: the texts of our own settings by name, and what the authentik provider will use. */
export interface RawSettings {
  settings: Record<string, string>
  authentikUrl: string | undefined
  hasAuthentikToken: boolean
  /** Who signs the tokens of each cluster of `clusterPulls`, by the slug of its source. */
  clusterIdentities?: ClusterIdentities
}

/**
 * Checks the whole configuration.
 *
 * @param defaults the value of a setting that is missing or empty
 * @returns the settings, and warnings
 * @throws RunError listing every mistake: its key, what was expected, an example and the command that sets it
 */
export function parseSettings(
  { settings: given, authentikUrl, hasAuthentikToken, clusterIdentities = new Map() }: RawSettings,
  defaults: Record<string, string> = declaredDefaults(),
): { settings: Settings; warnings: string[] } {
  const mistakes: string[] = []
  const values: Record<string, unknown> = {}

  if (!hasAuthentikToken) {
    mistakes.push(mistake('authentik:token', 'an API token of authentik', 'not set', '--secret authentik:token'))
  }
  for (const unknown of Object.keys(given).filter((key) => !(key in settings))) {
    mistakes.push(`${PROJECT}:${unknown}: there is no such setting. To remove it: pulumi config rm ${unknown}`)
  }
  for (const key of Object.keys(settings) as SettingName[]) {
    const setting: { schema: z.ZodType; example: string; path?: string } = settings[key]
    // The token service uses the same address as the program, unless the setting names another.
    const isProvidersUrl = key === 'authentikUrl' && !given[key]
    const value = given[key] || (isProvidersUrl ? authentikUrl : defaults[key]) || ''
    const result = setting.schema.safeParse('path' in setting ? fromJson(value) : value)
    if (result.success) {
      values[key] = result.data
      continue
    }
    if (isProvidersUrl && value === '') {
      mistakes.push(mistake('authentik:url', 'the URL of authentik', 'not set', `authentik:url ${setting.example}`))
      continue
    }
    const [setAs, command] = isProvidersUrl
      ? ['authentik:url', 'authentik:url']
      : [`${PROJECT}:${key}`, setting.path ? `--path '${setting.path}'` : key]
    for (const issue of result.error.issues) {
      const at = [setAs, ...issue.path].join('.')
      mistakes.push(mistake(at, issue.message, cameInstead(value, issue), `${command} '${setting.example}'`))
    }
  }
  if (values.pushGroup !== undefined && values.pushGroup === values.pullGroup) {
    mistakes.push(
      mistake(
        `${PROJECT}:pullGroup`,
        'another group than pushGroup',
        shown(given.pullGroup),
        "pullGroup 'acl_docker_pull'",
      ),
    )
  }
  const checked = values as Values
  if (lacksGateway(checked)) {
    mistakes.push(
      mistake(
        `${PROJECT}:gateway`,
        'the Gateway that takes the requests, as exposure is gateway',
        shown(given.gateway),
        "--path 'gateway.name' 'public'",
      ),
    )
  }
  mistakes.push(...volumeMistakes(checked, Number(defaults.registryReplicas)))
  mistakes.push(...cleanUpMistakes(checked).map((text) => `${PROJECT}:${text}`))
  mistakes.push(...eventsMistakes(checked))
  const ofClusters = checked.probers ? withOwnCluster(checked.clusterPulls, checked.sources) : checked.clusterPulls
  const audience = checked.audience ?? checked.host ?? ''
  const groups = { push: checked.pushGroup, pull: checked.pullGroup }
  const { sources, trust, ...found } = checkTrust({
    sources: checked.sources,
    rules: checked.trust,
    clusterPulls: ofClusters,
    clusterIdentities,
    rulesOfCluster: [
      ...(checked.anonymousPull?.length > 0 ? [anonymousRule(checked.namespace, checked.anonymousPull)] : []),
      ...pullSecretRules(checked.namespace, checked.pullSecrets ?? []),
      ...(checked.retention === undefined ? [] : [retentionRule(checked.namespace, checked.retention)]),
      ...(checked.probers ? [proberRule(checked.namespace)] : []),
    ],
    audience,
    groups,
  })
  mistakes.push(...found.mistakes.map((text) => `${PROJECT}:${text}`))
  const policy = mistakes.length === 0 ? loadPolicy(JSON.parse(trust.document)) : undefined
  const ownAudience = policy && accountAudience(policy, checked.namespace)
  if (checked.anonymousPull?.length > 0 && policy !== undefined && ownAudience === undefined) {
    mistakes.push(`${PROJECT}:anonymousPull: ${noRuleForAccount(checked.namespace)}`)
  }
  const { clusters: clusterPulls } = parseClusterPulls(ofClusters)
  mistakes.push(...pullSecretMistakes(checked, clusterPulls).map((text) => `${PROJECT}:pullSecrets: ${text}`))
  const retentionsAudience = policy && retentionAudience(policy, checked.namespace)
  if (checked.retention !== undefined && policy !== undefined && retentionsAudience === undefined) {
    mistakes.push(`${PROJECT}:${noRuleForRetention(checked.namespace)}`)
  }
  const probersAudience = policy && proberAudience(policy, checked.namespace)
  if (checked.probers && policy !== undefined && probersAudience === undefined) {
    mistakes.push(`${PROJECT}:${noRuleForProber(checked.namespace)}`)
  }
  if (mistakes.length > 0) {
    throw new pulumi.RunError(
      `The configuration needs ${mistakes.length === 1 ? 'a correction' : `${mistakes.length} corrections`}; ` +
        `nothing was changed.\n\n${mistakes.join('\n\n')}\n`,
    )
  }
  const warnings = [...found.warnings, ...proxyWarnings(checked), ...exposureWarnings(checked)].map(
    (text) => `${PROJECT}:${text}`,
  )
  const anonymousPull = { repositories: checked.anonymousPull, audience: ownAudience ?? audience }
  const retention = checked.retention && { rules: checked.retention, audience: retentionsAudience ?? audience }
  const probers = checked.probers ? { audience: probersAudience ?? audience } : undefined
  const clusters = { clusterPulls, probers, anonymousPull, retention }
  return { settings: { ...checked, ...clusters, audience, sources, trust }, warnings }
}

/**
 * A pull secret that refreshes itself, for nodes whose kubelet cannot have a plug-in. A small job in the registry's
 * namespace writes a fresh session into it long before the old one ends.
 *
 * Each namespace has a job and an account of its own, whose session pulls what this namespace may, and which can change
 * this one Secret and the accounts named, and nothing else: the stack makes the Secret, so the job need not create any.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { labels } from '../kubernetes/labels.ts'
import { type PodSettings, podExtras } from '../kubernetes/pod-settings.ts'
import { TOKEN_SERVICE_PORT } from '../kubernetes/ports.ts'
import { CONTAINER_SECURITY, RESTRICTED_POD } from '../kubernetes/restricted.ts'
import { versionedFiles } from '../kubernetes/versioned-files.ts'
import type { Refresh } from './refresh-pull-secret.ts'
import { type PullSecretEntry, refresherName } from './setting.ts'

const SCRIPT = 'refresh-pull-secret.ts'
const SCRIPT_DIR = '/srv/pull-secret'
const TOKENS_DIR = '/var/run/secrets/registry'
const API_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'
/** The shortest that Kubernetes gives; the job takes seconds. */
const TOKEN_SECONDS = 600
/** A session is replaced when a sixth of its life is over, so that some failures in a row do no harm. */
const REFRESHES_PER_SESSION = 6
const RESOURCES = { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '128Mi' } }
const RBAC = 'rbac.authorization.k8s.io'

/** What pods look for, to let them reach the token service. */
export const PULL_SECRET_LABELS = labels('pull-secret')

/** A schedule of cron that comes round that often in the life of a session. */
export function schedule(sessionHours: number): string {
  const minutes = (sessionHours * 60) / REFRESHES_PER_SESSION
  return minutes < 60 ? `*/${minutes} * * * *` : `7 */${Math.floor(minutes / 60)} * * *`
}

/** All that the job may do; both verbs are for objects named one by one. */
export const refresherRules = (secret: string, serviceAccounts: readonly string[]) => [
  { apiGroups: [''], resources: ['secrets'], resourceNames: [secret], verbs: ['patch'] },
  ...(serviceAccounts.length === 0
    ? []
    : [{ apiGroups: [''], resources: ['serviceaccounts'], resourceNames: [...serviceAccounts], verbs: ['patch'] }]),
]

export interface PullSecretArgs {
  entry: PullSecretEntry
  namespace: pulumi.Input<string>
  namespaceName: string
  /** The registry's public name, and its service name. */
  registry: string
  service: pulumi.Input<string>
  /** Name of the token service's Service. */
  tokenService: pulumi.Input<string>
  /** Of tokens for the registry. */
  audience: string
  sessionHours: number
  nodeImage: string
  pods: PodSettings
}

export class PullSecret extends pulumi.ComponentResource {
  constructor(args: PullSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    const { entry, namespace } = args
    const name = refresherName(entry)
    super('passwordless-registry:kubernetes:PullSecret', name, {}, opts)
    const child = { parent: this }
    const secret = args.namespaceName
    const account = new kubernetes.core.v1.ServiceAccount(
      name,
      { metadata: { name, namespace, labels: PULL_SECRET_LABELS }, automountServiceAccountToken: false },
      child,
    )
    const there = { name, namespace: entry.namespace, labels: PULL_SECRET_LABELS }
    const written = new kubernetes.core.v1.Secret(
      name,
      {
        metadata: { ...there, name: secret },
        type: 'kubernetes.io/dockerconfigjson',
        stringData: { '.dockerconfigjson': '{"auths":{}}' },
      },
      // The job writes it; the state never reads what it wrote.
      { ...child, ignoreChanges: ['data', 'stringData'], additionalSecretOutputs: ['data', 'stringData'] },
    )
    const role = new kubernetes.rbac.v1.Role(
      name,
      { metadata: there, rules: refresherRules(secret, entry.serviceAccounts) },
      child,
    )
    const binding = new kubernetes.rbac.v1.RoleBinding(
      name,
      {
        metadata: there,
        roleRef: { apiGroup: RBAC, kind: 'Role', name: role.metadata.name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
      child,
    )
    const code = versionedFiles(name, { namespace, files: { [SCRIPT]: script() } }, this)
    const job = { backoffLimit: 6, template: this.#pod(args, account.metadata.name, code.metadata.name) }
    const dependsOn = [binding, written]
    const metadata = { namespace, labels: PULL_SECRET_LABELS }
    new kubernetes.batch.v1.CronJob(
      name,
      {
        metadata: { ...metadata, name },
        spec: {
          schedule: schedule(args.sessionHours),
          concurrencyPolicy: 'Forbid',
          startingDeadlineSeconds: 300,
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 1,
          jobTemplate: { metadata: { labels: PULL_SECRET_LABELS }, spec: job },
        },
      },
      { ...child, dependsOn },
    )
    // So that the secret is valid as soon as `pulumi up` ends.
    new kubernetes.batch.v1.Job(`${name}-first`, { metadata, spec: job }, { ...child, dependsOn })
    this.registerOutputs({})
  }

  #pod(args: PullSecretArgs, serviceAccountName: pulumi.Input<string>, code: pulumi.Input<string>) {
    const { labels: more, spec, resources } = podExtras(args.pods, 'pullSecrets', RESOURCES)
    const { entry, registry, tokenService, audience } = args
    const job = pulumi.all([args.service, tokenService]).apply(([service, host]) => {
      const refresh: Refresh = {
        tokenUrl: `http://${host}:${TOKEN_SERVICE_PORT}/token`,
        service,
        registry,
        namespace: entry.namespace,
        secret: args.namespaceName,
        serviceAccounts: entry.serviceAccounts,
        apiUrl: 'https://kubernetes.default.svc',
        tokenFile: `${TOKENS_DIR}/token`,
        apiTokenFile: `${API_DIR}/token`,
      }
      return JSON.stringify(refresh)
    })
    const token = (path: string, more: object) => ({
      serviceAccountToken: { path, expirationSeconds: TOKEN_SECONDS, ...more },
    })
    return {
      metadata: { labels: { ...more, ...PULL_SECRET_LABELS } },
      spec: {
        ...spec,
        serviceAccountName,
        ...RESTRICTED_POD,
        restartPolicy: 'Never',
        activeDeadlineSeconds: 300,
        containers: [
          {
            name: 'refresh',
            image: args.nodeImage,
            command: [
              'node',
              '--disable-warning=ExperimentalWarning',
              '--eval',
              `import('${SCRIPT_DIR}/${SCRIPT}').then(({ main }) => main())`,
            ],
            env: [
              { name: 'REFRESH', value: job },
              { name: 'NODE_EXTRA_CA_CERTS', value: `${API_DIR}/ca.crt` },
            ],
            resources,
            securityContext: CONTAINER_SECURITY,
            volumeMounts: [
              { name: 'code', mountPath: SCRIPT_DIR, readOnly: true },
              { name: 'registry', mountPath: TOKENS_DIR, readOnly: true },
              { name: 'api', mountPath: API_DIR, readOnly: true },
            ],
          },
        ],
        volumes: [
          { name: 'code', configMap: { name: code } },
          { name: 'registry', projected: { sources: [token('token', { audience })] } },
          {
            name: 'api',
            projected: {
              sources: [
                token('token', {}),
                { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
              ],
            },
          },
        ],
      },
    }
  }
}

const script = () => readFileSync(join(import.meta.dirname, SCRIPT), 'utf8')

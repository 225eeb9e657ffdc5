/** The token service as its cluster sees it: version, rules and keys of each pod, from its metrics. */
import { METRICS_PORT } from '../infra/kubernetes/ports.ts'
import { reasonOf } from '../prober/web.ts'
import { VERSION } from '../service/version.ts'
import type { TrustDocument } from '../trust/decision/policy.ts'
import { rulesDigest } from '../trust/decision/rules-digest.ts'
import { type Finding, ok, wrong } from './finding.ts'

/** Runs kubectl with these arguments; answers what it prints. @throws Error with what it says */
export type Kubectl = (args: readonly string[]) => Promise<string>

/** Asked within the pod, since the network policies do not admit this machine. */
const READ = `fetch("http://127.0.0.1:${METRICS_PORT}/metrics").then((r) => r.text()).then((t) => process.stdout.write(t))`

/** @param context undefined: that of kubectl */
export const inContext = (context: string | undefined) => (context === undefined ? [] : ['--context', context])

export interface Cluster {
  readonly kubectl: Kubectl
  /** undefined: that of kubectl. */
  readonly context: string | undefined
  readonly namespace: string
}

/** @param clusters slugs of the sources that only a cluster knows: their rules are not compared */
export async function checkCluster(
  { kubectl, context, namespace }: Cluster,
  document: TrustDocument,
  clusters: readonly string[],
): Promise<Finding[]> {
  const where = [...inContext(context), '--namespace', namespace]
  let pods: string[]
  try {
    const running = '--field-selector=status.phase=Running'
    const listed = await kubectl([
      ...where,
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/name=token-service',
      running,
      '-o',
      'name',
    ])
    pods = listed.split('\n').filter(Boolean)
  } catch (error) {
    const fix = 'check the context (kubernetes:context, or KUBECONFIG) and that you may list pods and exec into them'
    return [wrong('cluster', `kubectl fails (${reasonOf(error)})`, 'the doctor cannot examine the pods', fix)]
  }
  if (pods.length === 0) {
    const why = 'no client gets a token'
    return [
      wrong('cluster', `no pod of the token service runs in ${namespace}`, why, 'kubectl get pods, then: pulumi up'),
    ]
  }
  const pages = await Promise.all(
    pods.map((pod) =>
      kubectl([...where, 'exec', pod, '--', 'node', '-e', READ]).catch((error) =>
        error instanceof Error ? error : Error(),
      ),
    ),
  )
  return pages.flatMap((page, index) => ofPod(pods[index] ?? '', page, document, clusters))
}

function ofPod(pod: string, page: string | Error, document: TrustDocument, clusters: readonly string[]): Finding[] {
  const check = (what: string) => `${what} of ${pod}`
  if (page instanceof Error) {
    const fix = 'kubectl logs says why; with a role that may not exec, leave --cluster out'
    return [wrong(check('metrics'), `not readable (${reasonOf(page)})`, 'nobody knows what this pod does', fix)]
  }
  return [
    versionOf(check('version'), page),
    rulesOf(check('rules'), page, document, clusters),
    keysOf(check('keys'), page),
  ]
}

function versionOf(check: string, page: string): Finding {
  const [, version] = /^token_service_info\{version="([^"]*)"\} 1$/m.exec(page) ?? []
  if (version === VERSION) return ok(check, version)
  const found = `${version ?? 'older than the metric that says it'}, and this checkout is ${VERSION}`
  return wrong(check, found, 'what you read here is not what runs', 'pulumi up, or check out what is deployed')
}

function rulesOf(check: string, page: string, document: TrustDocument, clusters: readonly string[]): Finding {
  const rows = page.matchAll(/^token_service_trust_source_info\{source="([^"]*)",digest="([^"]*)"\} 1$/gm)
  const has = new Map([...rows].map(([, source = '', digest = '']) => [source, digest]))
  const own = document.sources.filter(({ slug }) => !clusters.includes(slug))
  const other = own.filter((source) => has.get(source.slug) !== rulesDigest(source)).map(({ slug }) => slug)
  const known = new Set(document.sources.map(({ slug }) => slug))
  const more = [...has.keys()].filter((slug) => !known.has(slug))
  if (other.length === 0 && more.length === 0) return ok(check, "are those of the stack's file")
  const found = `differ from the stack's file for ${[...other, ...more].join(', ')}`
  const why = 'it refuses early, and explains refusals, by other rules than you read'
  return wrong(
    check,
    found,
    why,
    'wait two minutes after pulumi up, until the kubelet has copied them; else: pulumi preview',
  )
}

function keysOf(check: string, page: string): Finding {
  const [, matches] = /^token_service_registry_keys_match (\d)$/m.exec(page) ?? []
  if (matches === '1') return ok(check, 'the registry has every key that authentik signs with')
  const found = matches === '0' ? 'authentik signs with a key that the registry does not have' : 'the metric is missing'
  return wrong(check, found, 'the registry refuses those tokens', 'pulumi up gives it the keys')
}

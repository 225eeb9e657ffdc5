/**
 * Asks the cluster what the provider for Kubernetes has no request for, by the official client, with the same
 * kubeconfig and context; it knows client certificates, exec plug-ins of the cloud providers and proxies.
 */
import { KubeConfig } from '@kubernetes/client-node'
import * as pulumi from '@pulumi/pulumi'
import { plainConfig } from '../plain-config.ts'

/** Time for all answers; an exec plug-in that logs in at a cloud provider takes a few seconds of it. */
const ANSWER_LIMIT_MS = 20_000
/** How much of a foreign message an error shows. */
const SHOWN_CHARACTERS = 160

/** What is wrong with a cluster, in a sentence for the person who runs the program. */
export class ClusterProblem extends Error {}

/** Where the provider finds its cluster. */
export interface KubernetesAccess {
  /** The text of a kubeconfig, or its path; without one, the usual places. */
  readonly kubeconfig: string | undefined
  /** Without one, the kubeconfig's current context. */
  readonly context: string | undefined
}

/** As the stack gives it to the provider. */
export async function providersAccess(): Promise<KubernetesAccess> {
  const config = new pulumi.Config('kubernetes')
  const kubeconfig = await plainConfig(config.getSecret('kubeconfig'))
  return { kubeconfig: kubeconfig || undefined, context: config.get('context') || undefined }
}

/** @throws ClusterProblem */
export function loadKubeconfig({ kubeconfig, context }: KubernetesAccess): KubeConfig {
  const config = new KubeConfig()
  try {
    if (kubeconfig === undefined) config.loadFromDefault()
    else if (/[\n{]/.test(kubeconfig)) config.loadFromString(kubeconfig)
    else config.loadFromFile(kubeconfig)
  } catch (error) {
    // The parser's message can quote the file, and with it a token.
    const code = (error as NodeJS.ErrnoException).code ?? 'it is not a kubeconfig'
    throw new ClusterProblem(`the kubeconfig cannot be read (${code}); set kubernetes:kubeconfig or KUBECONFIG.`)
  }
  if (context !== undefined) config.setCurrentContext(context)
  if (config.getCurrentCluster() === null) {
    const known = config.getContexts().map(({ name }) => name)
    throw new ClusterProblem(
      `the kubeconfig has no context ${JSON.stringify(config.getCurrentContext() ?? '')}; it has ${known.join(', ') || 'none'}.`,
    )
  }
  return config
}

/** The cluster as a message names it. */
export const clusterName = (config: KubeConfig): string =>
  `the cluster of context ${JSON.stringify(config.getCurrentContext())} (${config.getCurrentCluster()?.server})`

/** What went wrong with a request: a status, or the reason why there was no answer. */
export type Refusal = { status: number } | { reason: string }

/** The answer, unless it takes too long. @throws what `problemOf` makes of a failure */
export async function withinLimit<Answer>(
  answer: Promise<Answer>,
  problemOf: (refusal: Refusal) => Error,
): Promise<Answer> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_LIMIT_MS / 1000} s`)), ANSWER_LIMIT_MS)
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    throw problemOf(refusalOf(error))
  } finally {
    clearTimeout(timer)
  }
}

function refusalOf(error: unknown): Refusal {
  const { code, cause, message } = error as { code?: unknown; cause?: { code?: string }; message?: string }
  if (typeof code === 'number') return { status: code }
  return { reason: cause?.code ?? (typeof code === 'string' ? code : shown(message ?? '')) }
}

function shown(text: string): string {
  const words = text.replace(/[\p{C}\s]+/gu, ' ').trim()
  return words.length > SHOWN_CHARACTERS ? `${words.slice(0, SHOWN_CHARACTERS)}…` : words || 'no reason known'
}

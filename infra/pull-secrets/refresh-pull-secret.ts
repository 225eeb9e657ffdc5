/**
 * Runs in the cluster: trades the token of its own service account for a session, and writes that session into one pull
 * secret. Node.js runs it as it is, so it imports nothing but Node.js itself.
 *
 * The kubelet ignores a session in `identitytoken` (docs/observed-behaviour.md), so it is the password of user JWT.
 */
import { readFile } from 'node:fs/promises'

export interface Refresh {
  /** The token service, as a pod reaches it. */
  readonly tokenUrl: string
  /** The registry's service name, and its public name as in the names of images. */
  readonly service: string
  readonly registry: string
  /** The pull secret, and the accounts of its namespace that pull with it. */
  readonly namespace: string
  readonly secret: string
  readonly serviceAccounts: readonly string[]
  readonly apiUrl: string
  /** Files with the token for the registry and the one for the API server; Kubernetes renews both. */
  readonly tokenFile: string
  readonly apiTokenFile: string
}

/** Longer than the token service lets a request wait for its turn in a rush. */
const ANSWER_LIMIT_MS = 60_000
/** A session has up to 2,400 bytes; an answer with it and a registry token, twice that. */
const MAX_ANSWER_BYTES = 64 * 1024

/** @throws Error with a sentence that contains no token */
export async function refresh(job: Refresh, call: typeof fetch = fetch): Promise<void> {
  const session = await openSession(job, call)
  const auth = Buffer.from(`JWT:${session}`).toString('base64')
  const config = { auths: { [job.registry]: { username: 'JWT', password: session, auth } } }
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') }
  await patch(job, call, `secrets/${job.secret}`, 'merge-patch', { data })
  for (const name of job.serviceAccounts) {
    // Merged by name into the list: secrets that the account has stay.
    await patch(job, call, `serviceaccounts/${name}`, 'strategic-merge-patch', {
      imagePullSecrets: [{ name: job.secret }],
    })
  }
}

async function openSession({ tokenUrl, service, tokenFile }: Refresh, call: typeof fetch): Promise<string> {
  const token = (await readFile(tokenFile, 'utf8')).trim()
  const query = new URLSearchParams({ service, offline_token: 'true', client_id: 'pull-secret' })
  const headers = { authorization: `Basic ${Buffer.from(`JWT:${token}`).toString('base64')}` }
  const response = await call(`${tokenUrl}?${query}`, { headers, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })
  const body = parsed(await bounded(response))
  if (response.status !== 200) {
    const [{ message = 'no reason' } = {}] = (body.errors ?? []) as { message?: string }[]
    throw new Error(`the token service answered ${response.status}: ${message}`)
  }
  if (typeof body.refresh_token !== 'string' || !/^[\w.-]+$/.test(body.refresh_token)) {
    throw new Error('the token service gave no session; sessionHours has to be more than 0')
  }
  return body.refresh_token
}

async function patch(job: Refresh, call: typeof fetch, path: string, kind: string, body: object): Promise<void> {
  const token = (await readFile(job.apiTokenFile, 'utf8')).trim()
  const response = await call(
    `${job.apiUrl}/api/v1/namespaces/${job.namespace}/${path}?fieldManager=passwordless-registry-pull-secret`,
    {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': `application/${kind}+json` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    },
  )
  // What it answers repeats the secret, so nothing of it is shown.
  await response.body?.cancel()
  if (!response.ok) throw new Error(`the API server answered ${response.status} to a patch of ${job.namespace}/${path}`)
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the token service answered more than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parsed(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

/** What the pod's variables say; the command of the container calls it. */
export async function main(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const job = JSON.parse(env.REFRESH ?? '{}') as Refresh
  try {
    await refresh(job)
    process.stdout.write(`${JSON.stringify({ refreshed: `${job.namespace}/${job.secret}` })}\n`)
  } catch (error) {
    process.stderr.write(`${JSON.stringify({ failed: `${job.namespace}/${job.secret}`, why: String(error) })}\n`)
    process.exitCode = 1
  }
}

/** A push and a pull with a job's token, the upload as slow as that of a large layer: what a pipeline will meet. */
import { randomBytes } from 'node:crypto'
import { publicUrl } from '../infra/public-url.ts'
import { imageOf, pullManifest, pushImage, Refusal, registryToken } from '../prober/image.ts'
import { ask, jsonOf, reasonOf } from '../prober/web.ts'
import { decodeToken } from '../trust/decision/decode-token.ts'
import { type Finding, ok, skipped, wrong } from './finding.ts'
import type { Challenge } from './way-in.ts'

/** Larger than the 1 MB that ingress controllers accept by default. */
const UPLOAD_BYTES = 2 * 1024 * 1024
/** Longer than the 60 s after which they end a request by default. */
export const UPLOAD_SECONDS = 90
/** How much longer than that an upload may take. */
const UPLOAD_GRACE_SECONDS = 60
const UPLOAD_PIECES = 30
const TAG = 'doctor'

export interface Probe {
  readonly host: string
  readonly challenge: Challenge
  /** A CI token. */
  readonly token: string
  /** Where to push to; by default the repository that the token names. */
  readonly repository: string | undefined
  readonly uploadSeconds: number
}

/** The repository of a CI token, as rules with `{repository}` or `{project_path}` name it. */
export function repositoryOf(token: string): string | undefined {
  const claims = decodeToken(token)?.claims
  const name = claims?.repository ?? claims?.project_path
  return typeof name === 'string' ? name.toLowerCase() : undefined
}

export async function checkProbe(probe: Probe): Promise<Finding[]> {
  const repository = probe.repository ?? repositoryOf(probe.token)
  if (repository === undefined) return [skipped('push', 'the token names no repository', 'add --repository acme/app')]
  const findings: Finding[] = []
  try {
    const session = await logIn(probe)
    findings.push(
      ok(
        'login',
        session === undefined
          ? 'the registry accepts the token, and gives no sessions'
          : 'the token is traded for a session',
      ),
    )
    const scope = `repository:${repository}:pull,push`
    const token = await registryToken(probe.challenge, session ?? probe.token, scope)
    findings.push(...(await pushAndPull(probe, repository, token)))
    if (session !== undefined) findings.push(await revoke(probe, session))
  } catch (error) {
    const check = findings.length === 0 ? 'login' : 'push'
    const fix = 'npm run explain says what the rules give this token; the logs of the pods say the rest'
    findings.push(wrong(check, reasonOf(error), 'jobs cannot push', fix))
  }
  return findings
}

async function logIn({ challenge, token }: Probe): Promise<string | undefined> {
  const form = { grant_type: 'password', client_id: 'doctor', username: 'JWT', password: token, access_type: 'offline' }
  const answer = await ask(challenge.realm, { method: 'POST', body: new URLSearchParams(form) })
  if (answer.status !== 200) throw new Refusal('the login', answer)
  const { refresh_token: session } = jsonOf(answer.body)
  return typeof session === 'string' ? session : undefined
}

async function pushAndPull({ host, uploadSeconds }: Probe, repository: string, token: string): Promise<Finding[]> {
  const place = { url: `${publicUrl(host)}/v2/${repository}`, token }
  const image = imageOf(randomBytes(UPLOAD_BYTES))
  await pushImage(place, image, TAG, {
    body: slowly(image.layer, uploadSeconds),
    seconds: uploadSeconds + UPLOAD_GRACE_SECONDS,
  })
  const pulled = await pullManifest(place, TAG)
  const name = `${host}/${repository}:${TAG}`
  const size = `${UPLOAD_BYTES / 1024 / 1024} MiB in ${uploadSeconds} s`
  const storage = ok('push', `the way in and the storage took ${size}`)
  if (pulled.body === image.manifest)
    return [storage, ok('pull', `${name} is what was pushed; it stays, delete it if you like`)]
  return [
    storage,
    wrong(
      'pull',
      `${name} is not what was pushed (status ${pulled.status})`,
      'deployments get something else',
      'look for a cache in front of the registry',
    ),
  ]
}

/** The bytes in even pieces over this time. */
function slowly(blob: Buffer, seconds: number): ReadableStream<Uint8Array> {
  const size = Math.ceil(blob.length / UPLOAD_PIECES)
  let at = 0
  return new ReadableStream({
    async pull(controller) {
      if (at > 0) await new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / UPLOAD_PIECES))
      controller.enqueue(new Uint8Array(blob.subarray(at, at + size)))
      at += size
      if (at >= blob.length) controller.close()
    },
  })
}

async function revoke({ host }: Probe, session: string): Promise<Finding> {
  const form = { token: session, token_type_hint: 'refresh_token' }
  const { status } = await ask(`${publicUrl(host)}/revoke`, { method: 'POST', body: new URLSearchParams(form) })
  if (status === 200) return ok('revocation', 'the session of this probe has ended')
  const fix =
    status === 503
      ? 'the log of the token service says why authentik does not end sessions; pulumi up makes their application a public client'
      : 'let the way in send /revoke to the token service: pulumi up with this version of the program'
  return wrong('revocation', `status ${status}`, 'sessions stay valid for hours after their job', fix)
}

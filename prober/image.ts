/** A small image, pushed, pulled and deleted as clients do it (OCI distribution-spec, "Pushing" and "Pulling"). */
import { createHash } from 'node:crypto'
import { ask, jsonOf, type WebAnswer } from './web.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const EMPTY_CONFIG = Buffer.from('{}')
/** For an upload that is not made slow on purpose. */
const UPLOAD_SECONDS = 60

/** Where tokens are given, and for which registry: as a challenge names them. */
export interface TokenService {
  readonly realm: string
  readonly service: string
}

/** A repository of a registry, and the token with which it is used. */
export interface Repository {
  /** `https://registry.example.com/v2/acme/app` */
  readonly url: string
  readonly token: string
}

/** An image of one layer. */
export interface Image {
  readonly layer: Buffer
  readonly manifest: string
  readonly digest: string
}

/** What the registry or the token service refuses. */
export class Refusal extends Error {
  readonly status: number
  /** The token service's code for it, such as `no_rule_matches`. */
  readonly reason: string | undefined

  /** With the server's own sentence; it never contains a token. */
  constructor(what: string, { status, body }: WebAnswer) {
    const { errors } = jsonOf(body)
    const [error] = Array.isArray(errors) ? errors : []
    super(`${what} is refused: ${typeof error?.message === 'string' ? error.message : `status ${status}`}`)
    this.status = status
    this.reason = typeof error?.detail?.reason === 'string' ? error.detail.reason : undefined
  }
}

/**
 * Asks for a registry token.
 * @param password a CI token, or a session
 * @param scope such as `repository:acme/app:pull,push`
 * @throws Refusal
 */
export async function registryToken(
  { realm, service }: TokenService,
  password: string,
  scope: string,
): Promise<string> {
  const url = new URL(realm)
  url.searchParams.set('service', service)
  url.searchParams.set('scope', scope)
  const authorization = `Basic ${Buffer.from(`JWT:${password}`).toString('base64')}`
  const answer = await ask(url.href, { headers: { authorization } })
  const { token } = jsonOf(answer.body)
  if (answer.status !== 200 || typeof token !== 'string') throw new Refusal(`a token for ${scope}`, answer)
  return token
}

export function imageOf(layer: Buffer): Image {
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digest(EMPTY_CONFIG), size: EMPTY_CONFIG.length },
    layers: [{ mediaType: 'application/octet-stream', digest: digest(layer), size: layer.length }],
  })
  return { layer, manifest, digest: digest(Buffer.from(manifest)) }
}

/**
 * Pushes layer, configuration and manifest.
 * @param upload the layer's bytes as they are sent, and how long that may take
 * @throws Refusal
 */
export async function pushImage(
  repository: Repository,
  image: Image,
  tag: string,
  upload: { body: Buffer | ReadableStream; seconds: number } = { body: image.layer, seconds: UPLOAD_SECONDS },
): Promise<void> {
  await uploadBlob(repository, image.layer, upload)
  await uploadBlob(repository, EMPTY_CONFIG, { body: EMPTY_CONFIG, seconds: UPLOAD_SECONDS })
  const pushed = await ask(`${repository.url}/manifests/${tag}`, {
    method: 'PUT',
    headers: { ...authorized(repository), 'content-type': MANIFEST },
    body: image.manifest,
  })
  if (pushed.status !== 201) throw new Refusal('the manifest', pushed)
}

export const pullManifest = (repository: Repository, tag: string): Promise<WebAnswer> =>
  ask(`${repository.url}/manifests/${tag}`, { headers: { ...authorized(repository), accept: MANIFEST } })

export const pullLayer = (repository: Repository, { layer }: Image): Promise<WebAnswer> =>
  ask(`${repository.url}/blobs/${digest(layer)}`, { headers: authorized(repository) })

/** Deletes the image and its tags. @throws Refusal, also where there is no such image */
export async function deleteImage(repository: Repository, image: Image): Promise<void> {
  const url = `${repository.url}/manifests/${image.digest}`
  const deleted = await ask(url, { method: 'DELETE', headers: authorized(repository) })
  if (deleted.status !== 202) throw new Refusal('the deletion', deleted)
}

/**
 * Whether a token lets its holder push, found out without leaving a trace: the registry checks the token first, and
 * what is pushed, which is not a manifest, after that.
 *
 * @throws Refusal where the registry answers something else
 */
export async function mayPush(repository: Repository): Promise<boolean> {
  const headers = { ...authorized(repository), 'content-type': MANIFEST }
  const answer = await ask(`${repository.url}/manifests/none`, { method: 'PUT', headers, body: 'not a manifest' })
  if (answer.status === 401 || answer.status === 403) return false
  if (answer.status === 400) return true
  throw new Refusal('a manifest that is none', answer)
}

async function uploadBlob(
  repository: Repository,
  blob: Buffer,
  { body, seconds }: { body: Buffer | ReadableStream; seconds: number },
): Promise<void> {
  const begun = await ask(`${repository.url}/blobs/uploads/`, { method: 'POST', headers: authorized(repository) })
  const location = begun.headers.get('location')
  if (begun.status !== 202 || location === null) throw new Refusal('the upload', begun)
  const url = new URL(location, repository.url)
  url.searchParams.set('digest', digest(blob))
  const done = await ask(url.href, {
    method: 'PUT',
    headers: {
      ...authorized(repository),
      'content-type': 'application/octet-stream',
      'content-length': String(blob.length),
    },
    body,
    signal: AbortSignal.timeout(seconds * 1000),
    duplex: 'half',
  } as RequestInit)
  if (done.status !== 201) throw new Refusal(`an upload of ${blob.length} bytes in ${seconds} s at most`, done)
}

const authorized = ({ token }: Repository) => ({ authorization: `Bearer ${token}` })

const digest = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

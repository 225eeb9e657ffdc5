/** Turns what the registry says into the event that others read: CloudEvents 1.0, JSON, structured mode. */
import { type Actor, cut, defined, type EventSource, readActor } from './actor.ts'
import { type Limits, limits } from './limits.ts'
import type { Notification } from './notification.ts'

/** github.com/cloudevents/spec, "JSON Event Format": media type of one event. */
export const CLOUD_EVENT_MEDIA_TYPE = 'application/cloudevents+json; charset=utf-8'

const TYPE_PREFIX = 'dev.passwordless-registry.image.'
/** What the registry calls it, and what the event does. */
const types: Readonly<Record<string, string>> = { push: 'pushed', pull: 'pulled', delete: 'deleted' }
export const eventTypes = Object.values(types).map((type) => TYPE_PREFIX + type)

/** distribution's name for what is not a manifest. */
const BLOB = 'application/octet-stream'

/** What a registry's event says beside the attributes that CloudEvents has. */
export interface EventData extends Actor {
  readonly repository: string
  readonly tag?: string
  readonly digest?: string
  readonly mediaType?: string
  /** Bytes of the manifest. */
  readonly size?: number
  readonly request: { readonly id?: string; readonly method?: string; readonly agent?: string }
  /** The pod of the registry, and the time it runs without a restart. */
  readonly instance: { readonly address?: string; readonly id?: string }
}

export interface CloudEvent {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly data: EventData
}

export interface Context {
  /** The registry's public URL. */
  readonly registryUrl: string
  readonly sources: readonly EventSource[]
}

/**
 * @returns undefined for what is not an event: blobs, and pulls by digest, which follow those by tag for each platform
 *   of an image
 */
export function cloudEvent(
  { id, timestamp, action, target, request, actor, source }: Notification,
  { registryUrl, sources }: Context,
  bounds: Limits = limits,
): CloudEvent | undefined {
  const type = Object.hasOwn(types, action) ? types[action] : undefined
  if (type === undefined || target.mediaType === BLOB || (action === 'pull' && target.tag === '')) return undefined
  const { repository, tag, digest, mediaType, size } = target
  const known = (text: string) => (text === '' ? undefined : cut(text, bounds.textCharacters))
  return {
    specversion: '1.0',
    id,
    source: registryUrl,
    type: TYPE_PREFIX + type,
    subject: tag !== '' ? `${repository}:${tag}` : `${repository}@${digest}`,
    time: new Date(timestamp).toISOString(),
    datacontenttype: 'application/json',
    data: defined({
      repository,
      tag: known(tag),
      digest: known(digest),
      mediaType: known(mediaType),
      size: size === 0 ? undefined : size,
      ...readActor(actor.name, sources, bounds),
      request: defined({ id: known(request.id), method: known(request.method), agent: known(request.useragent) }),
      instance: defined({ address: known(source.addr), id: known(source.instanceID) }),
    }),
  }
}

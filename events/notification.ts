/**
 * What the registry says of what happened, as distribution 3.1.2 sends it (notifications/event.go): the fields that
 * become part of an event, and no others. Names of repositories, tags and digests were checked by the registry; the
 * client's program names itself; the actor is the `sub` of the token that the registry verified.
 */
import * as z from 'zod/mini'

const text = (most: number) => z.string().check(z.maxLength(most))
/** A field that is empty may be missing, as Go has it. */
const optional = (most: number) => z._default(text(most), '')

/** distribution's reference grammar: names of 255 characters, tags of 128; digests of sha512 have 135. */
const target = z.object({
  repository: z.string().check(z.minLength(1), z.maxLength(255)),
  tag: optional(128),
  digest: optional(160),
  mediaType: z._default(z.string(), ''),
  size: z._default(z.int().check(z.nonnegative()), 0),
})

const notification = z.object({
  /** A UUID, the same each time that the event is sent. */
  id: z.string().check(z.minLength(1), z.maxLength(128)),
  timestamp: z.string().check(z.refine((time) => !Number.isNaN(Date.parse(time)))),
  action: text(32),
  target,
  request: z._default(z.object({ id: optional(128), method: optional(32), useragent: z._default(z.string(), '') }), {
    id: '',
    method: '',
    useragent: '',
  }),
  actor: z._default(z.object({ name: z._default(z.string(), '') }), { name: '' }),
  source: z._default(z.object({ addr: optional(512), instanceID: optional(128) }), { addr: '', instanceID: '' }),
})

export type Notification = z.output<typeof notification>

/**
 * @param body of a call
 * @param most notifications in it
 * @returns undefined for what is not a list of notifications
 */
export function readNotifications(body: string, most: number): Notification[] | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined
  }
  const envelope = z.object({ events: z.array(notification).check(z.maxLength(most)) })
  return envelope.safeParse(parsed).data?.events
}

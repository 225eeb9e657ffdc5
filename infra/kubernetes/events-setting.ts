/**
 * The settings `events` and `eventsToken`: whether pushes, pulls by tag and deletions become events, and where they go.
 */
import { z } from 'zod'
import { httpUrlProblem } from '../../trust/language/http-url.ts'
import { mistake, PROJECT } from '../setting-mistakes.ts'

/** YAML before 1.2 reads `off` as false. */
const OFF = ['', 'off', 'false']
const STREAM = 'stream'

/** Undefined: no events. Without a URL they are in the stream alone. */
export type Events = { readonly url: string | undefined } | undefined

export const eventsSettings = {
  events: {
    schema: z
      .string()
      .superRefine((text, context) => {
        if (OFF.includes(text) || text === STREAM) return
        const problem = httpUrlProblem(text)
        if (problem === undefined) return
        context.addIssue({ code: 'custom', message: `off, stream, or an http or https URL; this one ${problem}` })
      })
      .transform((text): Events => {
        if (OFF.includes(text)) return undefined
        return { url: text === STREAM ? undefined : text }
      }),
    example: STREAM,
  },
  // What is wrong with it is said below, without the value.
  eventsToken: { schema: z.string().transform((text) => (text === '' ? undefined : text)), example: '' },
} as const

/** RFC 6750 section 2.1, and what receivers have beside it; a line end would be another header. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/

/** A token that goes nowhere is a mistake: the URL is missing, and events with it. */
export function eventsMistakes({
  events,
  eventsToken,
}: {
  events?: Events
  eventsToken?: string | undefined
}): string[] {
  if (eventsToken === undefined) return []
  const mistakes: string[] = []
  if (!TOKEN.test(eventsToken)) {
    const expected = 'a token of at most 4096 printable characters, without spaces'
    mistakes.push(mistake(`${PROJECT}:eventsToken`, expected, 'something else', '--secret eventsToken'))
  }
  if (events?.url === undefined) {
    const came = events === undefined ? 'off' : STREAM
    const expected = 'the URL that takes the events, as eventsToken is set'
    mistakes.push(mistake(`${PROJECT}:events`, expected, came, "events 'https://siem.example.com/events'"))
  }
  return mistakes
}

/** What the registry's pods call for them, directly or through the proxy. */
export const eventCallsOf = ({ events, proxy }: { events: Events; proxy: string | undefined }): readonly string[] =>
  events?.url === undefined ? [] : [events.url, ...(proxy === undefined ? [] : [proxy])]

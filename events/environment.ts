/** The variables of the program; the stack sets all of them. */
import * as z from 'zod/mini'
import { platforms } from '../trust/platforms/platform-claims.ts'

const httpUrl = z.string().check(
  z.refine((text) => ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? ''), {
    error: 'is not an http(s) URL',
  }),
)

const source = z.object({ slug: z.string(), platform: z.enum(platforms), web: z.optional(httpUrl) })

export const environment = z.object({
  /** The registry's public URL: `source` of its events. */
  REGISTRY_URL: httpUrl,
  /** Of the loopback interface. */
  PORT: z.coerce.number().check(z.int(), z.minimum(0), z.maximum(65_535)),
  /** The sources of the rules, JSON: see `EventSource`. */
  SOURCES: z.pipe(
    z.pipe(
      z.string(),
      z.transform((text): unknown => JSON.parse(text)),
    ),
    z.array(source),
  ),
  /** Where each event is sent, beside the stream; with a token, which goes there as `Authorization: Bearer`. */
  EVENTS_URL: z.optional(httpUrl),
  EVENTS_TOKEN: z.optional(z.string()),
  HTTP_PROXY: z.optional(httpUrl),
  HTTPS_PROXY: z.optional(httpUrl),
  NO_PROXY: z.optional(z.string()),
})

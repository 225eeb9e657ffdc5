/**
 * Reads the compiled rules and prepares them for decisions. It is separate from the code that writes them, since it is
 * part of the token service, which has to stay small.
 */
import * as z from 'zod/mini'
import type { Platform } from '../platforms/platform-claims.ts'
import { comparedPattern } from './claim-texts.ts'
import { Glob } from './glob.ts'
import { type NameTemplate, parseTemplate } from './repository-names.ts'

/** Increased when an older reader could misunderstand a document. */
export const DOCUMENT_VERSION = 1

const text = z.string().check(z.minLength(1))
const texts = z.array(z.string())
const documentSchema = z.object({
  version: z.literal(DOCUMENT_VERSION),
  application: text,
  groups: z.object({ push: text, pull: text }),
  session: z.object({ application: text, provider: text, audience: text, claims: texts }),
  sources: z.array(
    z.object({
      slug: text,
      /** The source's slug in authentik. */
      authentikSlug: z.optional(text),
      platform: z.enum(['github', 'gitlab', 'oidc']),
      issuer: text,
      audience: text,
      rules: z.array(
        z.object({
          number: z.int(),
          claims: z.array(z.tuple([text, texts])).check(z.minLength(1)),
          push: texts,
          pull: texts,
          delete: texts,
          catalog: z.boolean(),
        }),
      ),
    }),
  ),
})

/** The JSON document. */
export type TrustDocument = z.output<typeof documentSchema>

/** A document prepared for decisions: patterns split, sources by slug. */
export interface Policy {
  readonly document: TrustDocument
  readonly sources: ReadonlyMap<string, PolicySource>
}

export interface PolicySource {
  readonly slug: string
  readonly platform: Platform
  readonly issuer: string
  readonly audience: string
  readonly rules: readonly PolicyRule[]
}

export interface PolicyRule {
  readonly number: number
  readonly claims: readonly (readonly [claim: string, patterns: readonly Glob[]])[]
  readonly push: readonly NameTemplate[]
  readonly pull: readonly NameTemplate[]
  readonly delete: readonly NameTemplate[]
  readonly catalog: boolean
}

/**
 * Prepares a document.
 *
 * @param value parsed JSON
 * @returns undefined for anything that this version does not understand, which means that all are refused
 */
export function loadPolicy(value: unknown): Policy | undefined {
  const parsed = documentSchema.safeParse(value)
  if (!parsed.success) return undefined
  const once = <Value>(make: (text: string) => Value) => {
    const made = new Map<string, Value>()
    return (key: string): Value => {
      const value = made.get(key) ?? make(key)
      made.set(key, value)
      return value
    }
  }
  const [glob, template] = [once((pattern) => new Glob(pattern)), once(parseTemplate)] // rules share patterns
  const rule = (platform: Platform, from: TrustDocument['sources'][number]['rules'][number]): PolicyRule => ({
    number: from.number,
    claims: from.claims.map(
      ([claim, patterns]) =>
        [claim, patterns.map((pattern) => glob(comparedPattern(platform, claim, pattern)))] as const,
    ),
    push: from.push.map(template),
    pull: from.pull.map(template),
    delete: from.delete.map(template),
    catalog: from.catalog,
  })
  const sources = parsed.data.sources.map(
    (source) => [source.slug, { ...source, rules: source.rules.map((from) => rule(source.platform, from)) }] as const,
  )
  return { document: parsed.data, sources: new Map(sources) }
}

/**
 * The compiled rules: one JSON document, kept in the attributes of a group without members and mounted into the token
 * service. infra/authentik/expressions/trust.py reads the same document.
 */
import { z } from 'zod'
import { Glob } from './glob.ts'
import { auditClaims } from './platform-claims.ts'
import { type NameTemplate, parseTemplate } from './repository-names.ts'
import { claimsInUse, type TrustRule } from './rules.ts'
import type { TrustSource } from './sources.ts'

/** The group whose attributes hold the document. Constant, as both expressions name it. */
export const DOCUMENT_GROUP = 'docker-registry-trust'
/** Goes up when an older reader could misunderstand a document. */
export const DOCUMENT_VERSION = 1

/** What the document says besides sources and rules. */
export interface DocumentNames {
  /** Slug of the application that gives registry tokens. */
  readonly application: string
  readonly groups: { readonly push: string; readonly pull: string }
  /** The application that gives sessions: its slug, its provider's name, and its client id, which is their audience. */
  readonly session: { readonly application: string; readonly provider: string; readonly audience: string }
}

/** The registry's application in authentik; its provider, scope and scope mapping have the same name. */
export const REGISTRY_APPLICATION = 'docker-registry'

/** The objects of sessions in authentik, all of one name. */
export const sessionNames = { application: 'ci-session', provider: 'ci-session', audience: 'ci-session' } as const

const text = z.string().min(1)
const texts = z.array(z.string())
const documentSchema = z.object({
  version: z.literal(DOCUMENT_VERSION),
  application: text,
  groups: z.object({ push: text, pull: text }),
  session: z.object({ application: text, provider: text, audience: text, claims: texts }),
  sources: z.array(
    z.object({
      slug: text,
      platform: z.enum(['github', 'gitlab', 'oidc']),
      issuer: text,
      audience: text,
      rules: z.array(
        z.object({
          number: z.int(),
          claims: z.array(z.tuple([text, texts])).min(1),
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

/** Compiles rules without mistakes. The same rules always give the same document. */
export function compileDocument(
  sources: readonly TrustSource[],
  rules: readonly TrustRule[],
  names: DocumentNames,
): TrustDocument {
  return {
    version: DOCUMENT_VERSION,
    application: names.application,
    groups: { push: names.groups.push, pull: names.groups.pull },
    session: {
      application: names.session.application,
      provider: names.session.provider,
      audience: names.session.audience,
      claims: [...new Set([...auditClaims, ...claimsInUse(rules)])].toSorted(),
    },
    sources: sources.map(({ slug, platform, issuer, audience }) => ({
      slug,
      platform,
      issuer,
      audience,
      rules: rules.filter((rule) => rule.source === slug).map(compileRule),
    })),
  }
}

type DocumentRule = TrustDocument['sources'][number]['rules'][number]

function compileRule(rule: TrustRule): DocumentRule {
  const claims = rule.claims.map(([claim, patterns]): [string, string[]] => [claim, [...patterns]])
  return {
    number: rule.number,
    // Whole texts are compared faster than patterns, and most rules miss on one.
    claims: claims.toSorted((a, b) => rank(a) - rank(b) || (a[0] < b[0] ? -1 : 1)),
    push: [...rule.push],
    pull: [...rule.pull],
    delete: [...rule.delete],
    catalog: rule.catalog,
  }
}

function rank([, patterns]: readonly [string, readonly string[]]): number {
  return patterns.some((pattern) => pattern.includes('*')) ? 1 : 0
}

/** A document made ready for decisions: patterns split, sources by slug. */
export interface Policy {
  readonly document: TrustDocument
  readonly sources: ReadonlyMap<string, PolicySource>
}

export interface PolicySource {
  readonly slug: string
  readonly platform: TrustSource['platform']
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
 * Makes a document ready.
 *
 * @param value parsed JSON
 * @returns undefined for anything that this version does not understand, which means no to everybody
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
  const rule = (from: DocumentRule): PolicyRule => ({
    number: from.number,
    claims: from.claims.map(([claim, patterns]) => [claim, patterns.map(glob)] as const),
    push: from.push.map(template),
    pull: from.pull.map(template),
    delete: from.delete.map(template),
    catalog: from.catalog,
  })
  const sources = parsed.data.sources.map(
    (source) => [source.slug, { ...source, rules: source.rules.map(rule) }] as const,
  )
  return { document: parsed.data, sources: new Map(sources) }
}

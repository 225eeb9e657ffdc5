/**
 * The compiled rules: one JSON document, stored in the attributes of a group without members and mounted into the token
 * service. infra/authentik/expressions/trust.py reads the same document.
 */

import { DOCUMENT_VERSION, type TrustDocument } from '../decision/policy.ts'
import { auditClaims } from '../platforms/platform-claims.ts'
import type { TrustRule } from './rule-schema.ts'
import { claimsInUse } from './rules.ts'
import type { TrustSource } from './source-schema.ts'

/** The group whose attributes hold the document. Constant, because all expressions name it. */
export const DOCUMENT_GROUP = 'docker-registry-trust'

/** What the document contains besides sources and rules. */
export interface DocumentNames {
  /** Slug of the application that gives registry tokens. */
  readonly application: string
  readonly groups: { readonly push: string; readonly pull: string }
  /** The application that gives sessions: its slug, its provider's name, and its client id, which is their audience. */
  readonly session: { readonly application: string; readonly provider: string; readonly audience: string }
}

/** The registry's application in authentik; its provider, scope and scope mapping have the same name. */
export const REGISTRY_APPLICATION = 'docker-registry'

/**
 * Slug and name in authentik of the source that rules call `slug`. The short name could clash with a login source of
 * the company.
 */
export const authentikSourceSlug = (slug: string): string => `${REGISTRY_APPLICATION}-${slug}`

/** The objects of sessions in authentik, all of one name. */
export const sessionNames = { application: 'ci-session', provider: 'ci-session', audience: 'ci-session' } as const

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
      // In this order, while there is room.
      claims: [...new Set([...claimsInUse(rules), ...auditClaims])],
    },
    sources: sources.map(({ slug, platform, issuer, audience }) => ({
      slug,
      authentikSlug: authentikSourceSlug(slug),
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
    // Comparing whole texts is faster than matching patterns, and decides most rules.
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

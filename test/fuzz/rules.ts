/** Rules for the differential test, mostly near enough to the claims of the same case to match them. */
import fc from 'fast-check'
import type { Claims } from '../../trust/decision/claim-texts.ts'
import type { TrustRule } from '../../trust/language/rule-schema.ts'
import { parseRules } from '../../trust/language/rules.ts'
import type { TrustSource } from '../../trust/language/source-schema.ts'
import {
  asIs,
  claimName,
  claimText,
  type FromClaims,
  hostile,
  path,
  plain,
  textIn,
  textOf,
  wildcards,
} from './claims.ts'

export const sources: TrustSource[] = (['github', 'gitlab', 'oidc'] as const).map((platform) => ({
  slug: platform,
  platform,
  issuer: `https://${platform}.example`,
  audience: 'registry.example.com',
  keys: { jwksUrl: `https://${platform}.example/jwks` },
}))
/** A claim with a part of it replaced, mostly by a wildcard, mostly one that fits. */
const cutClaim = fc
  .record({ at: fc.nat(8), length: fc.nat(8), put: fc.constantFrom('', '*', '**', '**', '**', 'a*', '/') })
  .map(
    ({ at, length, put }): FromClaims =>
      (claims, claim) => {
        const characters = [...textIn(claims, claim)]
        // Half a surrogate pair is refused in a rule before it is compiled, so no document holds one.
        return characters.toSpliced(at, length, put).join('').slice(0, 2000).toWellFormed()
      },
  )

const pattern = fc.oneof(
  { weight: 4, arbitrary: path },
  {
    weight: 4,
    arbitrary: fc.constantFrom('**', 'acme/*', 'acme/**', 'refs/heads/*', 'refs/*/*', '*', '**/a', 'true', '501'),
  },
  { weight: 4, arbitrary: textOf([6, plain], [4, wildcards], [1, hostile]) },
  { weight: 1, arbitrary: fc.constantFrom(...['*a', '**a', '*a*/', '**/*'].map((piece) => `${piece.repeat(8)}b`)) },
)
/** A claim in another case, which is the same name at its platform, and with letters that only look or sound alike. */
const otherCase = fc
  .constantFrom<(text: string) => string>(
    (text) => text.toUpperCase(),
    (text) => text.toLowerCase(),
    (text) => text.replace(/k/gi, '\u212a').replace(/i/gi, '\u0130').replace(/s/gi, '\u017f'),
    (text) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}*`,
  )
  .map(
    (change): FromClaims =>
      (claims, claim) =>
        change(textIn(claims, claim)).slice(0, 2000).toWellFormed(),
  )

const nearPattern = fc.oneof(
  { weight: 1, arbitrary: otherCase },
  { weight: 2, arbitrary: pattern.map(asIs) },
  { weight: 3, arbitrary: cutClaim },
)
const nameTemplate = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '{repository}',
      '{repository}/**',
      '{repository_owner}/**',
      '{ref}',
      '{sub}/*',
      'acme/*',
      '**',
    ),
  },
  {
    weight: 4,
    arbitrary: textOf([6, plain], [2, wildcards], [2, ['{repository}', '{ref}', '{é}', '{}', '{__proto__}']]),
  },
  { weight: 1, arbitrary: textOf([2, plain], [2, hostile], [1, wildcards]) },
)

export const mostlyGithub = fc.oneof(
  { weight: 8, arbitrary: fc.constant('github') },
  { weight: 1, arbitrary: fc.constantFrom('gitlab', 'oidc') },
)

const fullRule = fc.record({
  number: fc.constant(0),
  source: mostlyGithub,
  claims: fc.array(fc.tuple(claimName, fc.array(nearPattern, { minLength: 0, maxLength: 4, size: 'max' })), {
    minLength: 1,
    maxLength: 2,
    size: 'max',
  }),
  push: fc.array(nameTemplate, { maxLength: 2, size: 'max' }),
  pull: fc.array(nameTemplate, { maxLength: 2, size: 'max' }),
  delete: fc.array(nameTemplate, { maxLength: 1, size: 'max' }),
  catalog: fc.boolean(),
})

/** What a person would write; a rule that is refused is left out. */
const shortForm = fc
  .array(claimText, { minLength: 1, maxLength: 2 })
  .map(
    (owners): readonly TrustRule[] => parseRules({ github: { owners }, gitlab: { namespaces: owners } }, sources).rules,
  )

export const rules = fc
  .tuple(fc.array(fullRule, { minLength: 0, maxLength: 4, size: 'max' }), fc.oneof(fc.constant([]), shortForm))
  .map(([full, short]) => (claims: Claims): TrustRule[] => {
    const near = full.map((rule) => ({
      ...rule,
      claims: rule.claims.map(([claim, of]) => [claim, of.map((make) => make(claims, claim))] as const),
    }))
    return [...near, ...short].map((rule, index) => ({ ...rule, number: index + 1 }))
  })

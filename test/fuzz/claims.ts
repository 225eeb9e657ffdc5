/** Texts and claims for the differential test: valid, hostile and borderline. */
import fc from 'fast-check'
import type { Claims } from '../../trust/decision/claim-texts.ts'

/** Pieces that texts are put together from: few, so that patterns meet claims and names often. */
export const plain = ['acme', 'app', 'a', 'main', 'refs/heads', 'v1', '501', '-', '.', '_', '__', '/', '/', '/']
export const hostile = [
  ...['"', "'", "'''", '\\', '\n', '\r', '\t', '\u0000', '\u2028', '{', '}', '{repository}', '%s', '$(x)', '..', '//'],
  ...['A', 'ACME', ' ', ':', ':5000', '(', ')', '[a-z]', '?', '+', '^', '$', ',', '\u00a0', '\ufeff'],
  // Cyrillic "а", full-width "ａ", Kelvin sign, dotted capital I, long s, sharp s, a combining accent, beyond the BMP.
  ...['\u0430', '\uff41', '\u212a', '\u0130', '\u017f', '\u00df', 'e\u0301', '\u00e9', '\u{1f600}', '\u{10ffff}'],
]
export const halves = ['\ud83d', '\ude00', '\udfff']
export const wildcards = ['*', '*', '**', '***']

export const claimName = fc.oneof(
  { weight: 5, arbitrary: fc.constant('repository') },
  { weight: 3, arbitrary: fc.constant('ref') },
  { weight: 1, arbitrary: fc.constantFrom('repository_owner', 'sub', 'é', '__proto__', 'constructor') },
)

/** Mostly plain pieces; the weights decide how often anything matches at all. */
export function textOf(...kinds: [weight: number, pieces: readonly string[]][]): fc.Arbitrary<string> {
  const piece = fc.oneof(...kinds.map(([weight, pieces]) => ({ weight, arbitrary: fc.constantFrom(...pieces) })))
  return fc.array(piece, { minLength: 0, maxLength: 6, size: 'max' }).map((pieces) => pieces.join(''))
}

export const path = fc.constantFrom(
  'acme/app',
  'acme',
  'acme/app/web',
  'Acme/App',
  'a/a',
  'refs/heads/main',
  'refs/tags/v1',
  '501',
)
export const longText = fc
  .tuple(fc.constantFrom('a', 'a/', 'é', '\u{1f600}', '*', '-'), fc.constantFrom(64, 255, 256, 300, 1024, 1025, 10_000))
  .map(([piece, length]) => piece.repeat(length))

/** Claims that begin or end like a repository name, and would be a pattern or another name if they were inserted. */
const almostNames = [
  '*',
  '**',
  'acme/*',
  'acme/**',
  'a**',
  'acme/app\n',
  '\nacme/app',
  'acme/app/',
  'acme/\u212a',
  '../acme',
]

export const claimText = fc.oneof(
  { weight: 8, arbitrary: path },
  { weight: 6, arbitrary: textOf([8, plain], [1, hostile]) },
  { weight: 2, arbitrary: textOf([2, plain], [2, hostile], [1, halves], [1, wildcards]) },
  { weight: 2, arbitrary: fc.constantFrom(...almostNames) },
  { weight: 1, arbitrary: longText },
)
const numbers = fc.constantFrom(0, -0, 501, -1, 0.5, 1e21, 2 ** 53, 2 ** 53 - 1, -(2 ** 53) + 1, 1e300)
const claimValue = fc.oneof(
  { weight: 20, arbitrary: claimText },
  { weight: 2, arbitrary: numbers },
  { weight: 1, arbitrary: fc.constantFrom(true, false, null, [], ['acme'], {}, { acme: 'app' }) },
)
export const claims: fc.Arbitrary<Claims> = fc
  .array(fc.tuple(claimName, claimValue), { minLength: 1, maxLength: 5, size: 'max' })
  // JSON.parse and Object.fromEntries make `__proto__` a key like any other.
  .map((entries) => Object.fromEntries(entries))

/** A pattern or a name made from one of the case's own claims, so that it is near enough to match now and then. */
export type FromClaims = (claims: Claims, claim: string) => string

export const textIn = (claims: Claims, claim: string) =>
  Object.hasOwn(claims, claim) ? String(claims[claim]) : 'acme/app'
export const asIs =
  (text: string): FromClaims =>
  () =>
    text

/** Scopes for the differential test: what a client may ask for, and what none would. */
import fc from 'fast-check'
import {
  asIs,
  claimName,
  type FromClaims,
  halves,
  hostile,
  longText,
  plain,
  textIn,
  textOf,
  wildcards,
} from './claims.ts'

const actions = fc
  .array(fc.constantFrom('pull', 'push', 'push', 'delete', '*', '*', '**', '', 'PULL', 'pull ', 'admin'), {
    maxLength: 4,
    size: 'max',
  })
  .map((list) => list.join(','))
const scopeType = fc.oneof(
  { weight: 12, arbitrary: fc.constant('repository') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('registry', 'repository(plugin)', 'Repository', '', 'repository:', 'toString'),
  },
)
const scopeName = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom('acme/app', 'acme/app/web', 'acme', 'a/a', 'refs/heads/main', '501', 'evil/app'),
  },
  { weight: 1, arbitrary: fc.constantFrom('catalog', 'localhost:5000/acme/app', 'host:x/a', 'acme/app\n', 'Acme/App') },
  { weight: 2, arbitrary: textOf([8, plain], [1, hostile]) },
  { weight: 1, arbitrary: textOf([1, plain], [2, hostile], [1, halves], [1, wildcards]) },
  { weight: 1, arbitrary: longText },
)
/** A claim as a repository's name, as a client would lower-case it, and something below it. */
const nameFromClaim = fc.tuple(claimName, fc.constantFrom('', '', '/web', '/web/a', '*'), fc.boolean()).map(
  ([claim, below, lower]): FromClaims =>
    (claims) => {
      const name = textIn(claims, claim)
      return (lower ? name.toLowerCase() : name) + below
    },
)
const nearName = fc.oneof({ weight: 1, arbitrary: scopeName.map(asIs) }, { weight: 1, arbitrary: nameFromClaim })
const oddScope = fc.oneof(
  fc.constantFrom('registry:catalog:*', 'registry:catalog:pull', 'openid', ':', '::', '', ' '),
  textOf([2, plain], [2, hostile]),
)
const scope = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(scopeType, nearName, actions).map(
      ([type, name, list]): FromClaims =>
        (claims, claim) =>
          `${type}:${name(claims, claim)}:${list}`,
    ),
  },
  { weight: 1, arbitrary: oddScope.map(asIs) },
)
const manyScopes = fc
  .tuple(fc.constantFrom(499, 500, 501), scope)
  .map(([count, last]) => [
    ...Array.from({ length: count }, (_, index) => asIs(`repository:acme/a${index}:pull`)),
    last,
  ])
export const scopes = fc.oneof(
  { weight: 200, arbitrary: fc.array(scope, { minLength: 0, maxLength: 4, size: 'max' }) },
  { weight: 1, arbitrary: manyScopes },
)

import { expect, test } from 'vitest'
import { keysConflict, type PublicKey } from './key-material.ts'

const rsa = { kty: 'RSA', n: 'sXchzx', e: 'AQAB' }
const ec = { kty: 'EC', crv: 'P-256', x: 'f83OJ3D2', y: 'x_FEzRu9' }
const okp = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKx' }
const first = { kid: '1', ...rsa }

test.each<[string, PublicKey[][], boolean]>([
  ['no source has it', [[{ ...first, kid: '2' }], []], false],
  ['one source holds it', [[first], [{ kid: '2', ...ec }]], false],
  ['one source holds two keys under it', [[first, { kid: '1', ...ec }], []], false],
  ['two sources hold the same key', [[first], [first]], false],
  ['the same but for what stands beside it', [[first], [{ ...first, alg: 'RS256', use: 'sig', x5c: ['MII'] }]], false],
  ['the same with padding', [[first], [{ ...first, n: 'sXchzx==' }]], false],
  ['the same on a curve', [[{ kid: '1', ...ec }], [{ kid: '1', ...ec }]], false],
  ['the same of Edwards', [[{ kid: '1', ...okp }], [{ kid: '1', ...okp }]], false],
  ['another modulus', [[first], [{ ...first, n: 'another' }]], true],
  ['another exponent', [[first], [{ ...first, e: 'Aw' }]], true],
  ['another curve', [[{ kid: '1', ...ec }], [{ kid: '1', ...ec, crv: 'P-384' }]], true],
  ['another kind', [[first], [{ kid: '1', ...ec }]], true],
  ['a third source with another', [[first], [first], [{ kid: '1', ...okp }]], true],
  ['a key without a key id beside it', [[first], [first, ec]], true],
  ['a key with an empty key id beside it', [[first], [first, { kid: '', ...ec }]], true],
  ['the same key again without a key id', [[first], [first, rsa]], false],
  ['a shared secret', [[{ kid: '1', kty: 'oct', k: 'a' }], [{ kid: '1', kty: 'oct', k: 'a' }]], true],
  ['a key that is not whole', [[first], [{ kid: '1', kty: 'RSA' }]], true],
  ['numbers for texts', [[{ ...first, n: 1 }], [{ ...first, n: 1 }]], true],
])('%s', (_, keySets, conflict) => {
  expect(keysConflict('1', keySets)).toBe(conflict)
})

import { describe, expect, it } from 'vitest'
import { hasGrantTypes, isOutOfSupport, isTooOld, parseVersion } from './version.ts'

const read = (text: string) => {
  const version = parseVersion(text)
  if (version === undefined) throw new Error(`${text} was not understood`)
  return { tooOld: isTooOld(version), outOfSupport: isOutOfSupport(version), grantTypes: hasGrantTypes(version) }
}

describe('a version of authentik', () => {
  it.each(['2026.5.0', '2026.5.3', '2026.5.0-rc1', '2026.8.0-rc1', '2026.8', '2026.10.2', '2026.12.0', '2027.1.3'])(
    '%s is supported',
    (text) => expect(read(text)).toEqual({ tooOld: false, outOfSupport: false, grantTypes: true }),
  )

  it.each(['2026.2.0', '2026.2.2', '2026.2.0-rc2', '2026.4.1'])(
    '%s works, out of support, without grant types',
    (text) => expect(read(text)).toEqual({ tooOld: false, outOfSupport: true, grantTypes: false }),
  )

  it.each(['2025.12.4', '2026.1.0', '2024.8.0', '2025.10.0-rc1'])('%s is too old', (text) =>
    expect(read(text).tooOld).toBe(true),
  )

  it.each(['', 'latest', '2026', '2026.', '2026.13.0', '2026.0.1', '26.5.0', '2026.5.0.1', ' 2026.5.0', '2026.5.0\n'])(
    '%j is not one',
    (text) => expect(parseVersion(text)).toBeUndefined(),
  )

  it.each([undefined, null, 2026.5, {}, ['2026.5.0'], `2026.5.0-${'a'.repeat(100)}`])('nor is %j', (value) =>
    expect(parseVersion(value)).toBeUndefined(),
  )
})

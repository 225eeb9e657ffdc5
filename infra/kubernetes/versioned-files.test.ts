import { describe, expect, it } from 'vitest'
import { versionedName } from './versioned-files.ts'

describe('versionedName', () => {
  const name = versionedName('registry', { a: '1', b: '2' })

  it('is a Kubernetes name that starts as asked', () => {
    expect(name).toMatch(/^registry-[0-9a-f]{10}$/)
  })

  it('stays for the same files in another order', () => {
    expect(versionedName('registry', { b: '2', a: '1' })).toBe(name)
  })

  it.each([{ a: '1' }, { a: '1', b: '3' }, { a: '1', c: '2' }, { a: '1b2' }])('changes for %o', (files) => {
    expect(versionedName('registry', files as Record<string, string>)).not.toBe(name)
  })
})

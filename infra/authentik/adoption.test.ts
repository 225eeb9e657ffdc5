import { describe, expect, it } from 'vitest'
import { adoptionCommand, isNameTaken } from './adoption.ts'

const failure = (errors: string[], operation = 'create') => ({
  type: 'authentik:index/group:Group',
  name: "the team's group",
  operation,
  errors,
})

describe('isNameTaken', () => {
  it.each([
    'Group with this name already exists.',
    'This field must be unique.',
    'The fields name, provider must make a unique set.',
  ])('knows "%s"', (error) => {
    expect(isNameTaken(failure(['retrying', error]))).toBe(true)
  })

  it('leaves other failures and other operations alone', () => {
    expect(isNameTaken(failure(['Token invalid/expired']))).toBe(false)
    expect(isNameTaken(failure(['Group with this name already exists.'], 'update'))).toBe(false)
  })
})

describe('adoptionCommand', () => {
  it('names the object and the whole command, quoted for a shell', () => {
    const text = adoptionCommand(failure([]), 'b3f0', 'urn:pulumi:s::p::T::access')
    expect(text).toContain(`authentik already holds "the team's group"`)
    expect(text.replaceAll('\\\n', '').replace(/ +/g, ' ')).toContain(
      `pulumi import authentik:index/group:Group 'the team'\\''s group' 'b3f0' ` +
        `--parent 'parent=urn:pulumi:s::p::T::access' ` +
        `--provider 'authentik=urn:pulumi:s::p::pulumi:providers:authentik::default_2026_5_0' --protect=false`,
    )
  })

  it('says what to fill in when the id could not be looked up', () => {
    expect(adoptionCommand(failure([]), undefined, 'urn')).toContain('where ID is its primary key')
  })
})

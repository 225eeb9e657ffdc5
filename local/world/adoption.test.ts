import { describe, expect, it } from 'vitest'
import { adoptionCommand } from '../../infra/authentik/adoption.ts'
import { adoptionsOf, interruptedCreates } from './adoption.ts'

const type = 'authentik:index/group:Group'
const parent = 'urn:pulumi:local::passwordless-registry::passwordless-registry:authentik:AccessGroups::access'
const failure = { type, name: 'acl_docker_push', operation: 'create', errors: ['already exists'] }
const printed = `    error: ${adoptionCommand(failure, { id: '7f', usedBy: [], isLogin: false }, parent).replaceAll('\n', '\n    ')}`
const exported = (operation: string, name: string) =>
  JSON.stringify({
    deployment: { pending_operations: [{ type: operation, resource: { type, urn: `${parent}$${type}::${name}` } }] },
  })

describe('an object that authentik holds already', () => {
  it('is adopted when the engine was cut off while it made that one', () => {
    const [adoption, ...others] = adoptionsOf(
      interruptedCreates(exported('creating', 'acl_docker_push')),
      printed + printed,
    )
    expect(others).toEqual([])
    expect(adoption?.args).toEqual(
      expect.arrayContaining(['import', type, 'acl_docker_push', '7f', '--parent', `parent=${parent}`, '--yes']),
    )
  })

  it.each([
    ['another one was being made', exported('creating', 'acl_docker_pull')],
    ['it was being updated', exported('updating', 'acl_docker_push')],
    ['nothing was cut off', '{"deployment":{}}'],
    ['the stack is new', '{}'],
  ])('is left to a person when %s', (_, state) => {
    expect(adoptionsOf(interruptedCreates(state), printed)).toEqual([])
  })

  it('is left to a person when its id could not be found', () => {
    const gap = adoptionCommand(failure, undefined, parent)
    expect(adoptionsOf(interruptedCreates(exported('creating', 'acl_docker_push')), gap)).toEqual([])
  })
})

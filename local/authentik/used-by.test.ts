import { afterAll, beforeAll, expect, test } from 'vitest'
import { created, makeProvider, startWorld, type World } from './fixture.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

const usedBy = async (path: string) => (await world.api('GET', `${path}/used_by/`)).body

test('an object says which others refer to it, and what its deletion does to them', async () => {
  const body = { name: 'scope', scope_name: 'scope', expression: 'return {}' }
  const { pk } = await created(world, 'propertymappings/provider/scope/', body)
  const { provider } = await makeProvider(world, 'shop', { property_mappings: [pk] })
  expect(await usedBy(`propertymappings/provider/scope/${pk}`)).toEqual([
    {
      app: 'authentik_providers_oauth2',
      model_name: 'oauth2provider',
      pk: String(provider),
      name: 'shop',
      action: 'cascade_many',
    },
  ])
  expect(await usedBy(`providers/oauth2/${provider}`)).toMatchObject([
    { app: 'authentik_core', model_name: 'application', name: 'shop', action: 'set_null' },
  ])
  expect(await usedBy('core/applications/shop')).toEqual([])
})

/** Our HTTPRoutes before the real definitions of the Gateway API, in a real API server that takes no unknown field. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { registryRouteSpec, tokenRouteSpec } from '../../infra/kubernetes/http-route-spec.ts'
import { gatewayDefinitions } from '../gateway/definitions.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

const ROUTES = '/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes'
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const gateway = { name: 'public', namespace: 'gateways', section: 'https' }
const host = 'registry.example.com:8443'

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer()
  for (const definition of await gatewayDefinitions()) await server.request('POST', DEFINITIONS, definition)
  await vi.waitFor(async () => expect(await server.request('GET', ROUTES)).toMatchObject({ items: [] }), {
    timeout: 60_000,
    interval: 200,
  })
})
afterAll(() => server.close())

const create = (name: string, spec: object) =>
  server.request('POST', `${ROUTES}?fieldValidation=Strict`, {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec,
  })

describe('the API server', () => {
  it.each([
    ['token-service', tokenRouteSpec({ host, gateway, service: 'token-service' })],
    ['registry', registryRouteSpec({ host, gateway, service: 'registry' })],
    ['without-section', registryRouteSpec({ host, gateway: { name: 'own' }, service: 'registry' })],
  ])('takes the route of %s as it is', async (name, spec) => {
    expect(await create(name, spec)).toMatchObject({ kind: 'HTTPRoute', spec })
  })

  it.each([
    ['an unknown field', { limits: {} }, 'unknown field "spec.limits"'],
    ['a host with a port', { hostnames: [host] }, 'spec.hostnames[0]: Invalid value'],
    ['a limit that is not a duration', { rules: [{ timeouts: { request: 'none' } }] }, 'timeouts.request'],
  ])('refuses %s', async (_, wrong, message) => {
    const spec = { ...registryRouteSpec({ host, gateway, service: 'registry' }), ...wrong }
    expect(await create('wrong', spec)).toMatchObject({ kind: 'Status', message: expect.stringContaining(message) })
  })
})

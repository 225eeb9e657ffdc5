import { expect, it } from 'vitest'
import { registryRouteSpec, tokenRouteSpec } from './http-route-spec.ts'

const gateway = { name: 'public', namespace: 'gateways', section: 'https' }

it('leads tokens and the page for people to the token service', () => {
  expect(tokenRouteSpec({ host: 'r.example:8443', gateway, service: 'token-service' })).toEqual({
    parentRefs: [{ name: 'public', namespace: 'gateways', sectionName: 'https' }],
    hostnames: ['r.example'],
    rules: [
      {
        matches: ['/token', '/revoke', '/'].map((value) => ({ path: { type: 'Exact', value } })),
        backendRefs: [{ name: 'token-service', port: 9001 }],
      },
    ],
  })
})

it('leads all else to the registry, without a limit of time', () => {
  expect(registryRouteSpec({ host: 'r.example', gateway: { name: 'own' }, service: 'registry' })).toEqual({
    parentRefs: [{ name: 'own' }],
    hostnames: ['r.example'],
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix', value: '/' } }],
        timeouts: { request: '0s', backendRequest: '0s' },
        backendRefs: [{ name: 'registry', port: 5000 }],
      },
    ],
  })
})

import { describe, expect, it } from 'vitest'
import { LAYER_ANNOTATIONS, registryIngressSpec, tokenAnnotations, tokenIngressSpec } from './ingress-objects.ts'

const plain = { host: 'localhost:15000', className: 'skipper', tlsSecret: undefined }

describe('the specifications', () => {
  it('send tokens and the page for people to the token service, and the rest to the registry', () => {
    const { rules } = tokenIngressSpec({ ...plain, service: 'token-service' })
    expect(rules).toEqual([
      {
        host: 'localhost',
        http: {
          paths: ['/token', '/revoke', '/'].map((path) => ({
            path,
            pathType: 'Exact',
            backend: { service: { name: 'token-service', port: { number: 9001 } } },
          })),
        },
      },
    ])
    expect(registryIngressSpec({ ...plain, service: 'registry' }).rules[0]?.http.paths).toEqual([
      { path: '/', pathType: 'Prefix', backend: { service: { name: 'registry', port: { number: 5000 } } } },
    ])
  })

  it('leave class and certificate out where the stack names none', () => {
    const spec = tokenIngressSpec({ host: 'r.example', className: undefined, tlsSecret: undefined, service: 'a' })
    expect(Object.keys(spec)).toEqual(['rules'])
  })

  it('name the host without its port in the certificate too', () => {
    const spec = registryIngressSpec({ host: 'r.example:8443', className: 'a', tlsSecret: 'r-tls', service: 'a' })
    expect(spec).toMatchObject({ ingressClassName: 'a', tls: [{ hosts: ['r.example'], secretName: 'r-tls' }] })
  })
})

it('asks for a certificate only once, and keeps on both what may say who gets in', () => {
  const ofStack = {
    'cert-manager.io/cluster-issuer': 'letsencrypt',
    'acme.cert-manager.io/http01-edit-in-place': 'true',
    'kubernetes.io/tls-acme': 'true',
    'haproxy.org/allow-list': '192.0.2.0/24',
  }
  expect(tokenAnnotations(ofStack)).toEqual({
    'haproxy.org/allow-list': '192.0.2.0/24',
    'zalando.org/skipper-predicate': 'Weight(1)',
  })
})

it('has no annotation for layers that is not a text, as Kubernetes demands', () => {
  for (const value of Object.values(LAYER_ANNOTATIONS)) expect(value).toBeTypeOf('string')
})

import { describe, expect, it } from 'vitest'
import { ingressSpec } from './ingress-spec.ts'

const names = { tokenService: 'token-service', registry: 'registry' }

describe('ingressSpec', () => {
  it('sends /token to the token service and the rest to the registry', () => {
    const { rules } = ingressSpec({ host: 'localhost:15000', className: 'skipper', tlsSecret: undefined, ...names })
    expect(rules).toEqual([
      {
        host: 'localhost',
        http: {
          paths: [
            {
              path: '/token',
              pathType: 'Exact',
              backend: { service: { name: 'token-service', port: { number: 9001 } } },
            },
            { path: '/', pathType: 'Prefix', backend: { service: { name: 'registry', port: { number: 5000 } } } },
          ],
        },
      },
    ])
  })

  it('leaves class and certificate out where the stack names none', () => {
    const spec = ingressSpec({ host: 'r.example', className: undefined, tlsSecret: undefined, ...names })
    expect(Object.keys(spec)).toEqual(['rules'])
  })

  it('names the host without its port in the certificate too', () => {
    const spec = ingressSpec({ host: 'r.example:8443', className: 'nginx', tlsSecret: 'r-tls', ...names })
    expect(spec).toMatchObject({ ingressClassName: 'nginx', tls: [{ hosts: ['r.example'], secretName: 'r-tls' }] })
  })
})

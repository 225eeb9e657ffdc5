import type { V1EndpointSlice } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { pickEndpoint } from './pick-endpoint.ts'

const pod = (name: string, ready: boolean) => ({
  addresses: ['10.0.0.1'],
  conditions: { ready },
  targetRef: { kind: 'Pod', name },
})

const slice: V1EndpointSlice = {
  addressType: 'IPv4',
  endpoints: [pod('starting', false), pod('serving', true)],
  ports: [
    { name: 'http', port: 8080 },
    { name: 'metrics', port: 9090 },
  ],
}

describe('pickEndpoint', () => {
  it('picks a ready pod and the port behind the name of the Service port', () => {
    const ports = [
      { name: 'http', port: 80 },
      { name: 'metrics', port: 81 },
    ]
    expect(pickEndpoint(ports, [slice], 81)).toEqual({ pod: 'serving', port: 9090 })
  })

  it('knows a single port without a name, whose name is empty in the slice', () => {
    const unnamed = { ...slice, ports: [{ name: '', port: 8080 }] }
    expect(pickEndpoint([{ port: 80 }], [unnamed], 80)).toEqual({ pod: 'serving', port: 8080 })
  })

  it('finds nothing for a port that the Service has not, or without a ready pod', () => {
    const ports = [{ name: 'http', port: 80 }]
    expect(pickEndpoint(ports, [slice], 8080)).toBeUndefined()
    expect(pickEndpoint(ports, [{ ...slice, endpoints: [pod('starting', false)] }], 80)).toBeUndefined()
  })
})

/** How requests get in, through the whole program under Pulumi's mocks. */

import * as pulumi from '@pulumi/pulumi'
import { describe, expect, it, vi } from 'vitest'
import { example, useProgram } from './run-program.fixture.ts'

const { run, all, one } = useProgram()
const INGRESS = 'kubernetes:networking.k8s.io/v1:Ingress'
const ROUTE = 'kubernetes:gateway.networking.k8s.io/v1:HTTPRoute'
const setting = (values: Record<string, unknown>) => {
  const { 'passwordless-registry:ingressTlsSecret': _, ...stack } = example() as Record<string, unknown>
  const ours = Object.entries(values).map(([name, value]) => [`passwordless-registry:${name}`, value])
  return { ...stack, ...Object.fromEntries(ours) }
}

describe('exposure', () => {
  it('gateway: routes of the Gateway, and no Ingress', async () => {
    await run(setting({ exposure: 'gateway', gateway: { name: 'public', namespace: 'gateways', section: 'https' } }))
    expect(all(INGRESS)).toEqual([])
    const places = all(ROUTE).map(({ inputs: { metadata } }) => `${metadata.namespace}/${metadata.name}`)
    expect(places.sort()).toEqual(['passwordless-registry/registry', 'passwordless-registry/token-service'])
    const { spec } = one(ROUTE, 'registry-route').inputs
    expect(spec.parentRefs).toEqual([{ name: 'public', namespace: 'gateways', sectionName: 'https' }])
    expect(spec.hostnames).toEqual(['registry.example.com'])
  })

  it('none: neither', async () => {
    await run(setting({ exposure: 'none' }))
    expect([...all(INGRESS), ...all(ROUTE)]).toEqual([])
  })

  it.each([
    [{ exposure: 'gateway' }, 'passwordless-registry:gateway: expected the Gateway that takes the requests'],
    [{ exposure: 'gateway', gateway: { namespace: 'gateways' } }, "pulumi config set --path 'gateway.name' 'public'"],
    [{ exposure: 'nodeport' }, 'expected ingress, gateway or none; it is "nodeport"'],
    [{ gateway: { name: 'a', listener: 'b' } }, 'passwordless-registry:gateway'],
    [{ gateway: { name: 'A' } }, 'passwordless-registry:gateway.name: expected a Kubernetes name'],
  ])('refuses %j', async (values, message) => {
    await expect(run(setting(values))).rejects.toThrow(message)
  })

  it.each([
    [{ exposure: 'none', ingressTlsSecret: 'registry-tls' }, 'ingressClass, ingressTlsSecret, ingressAnnotations'],
    [{ gateway: { name: 'public' } }, 'exposure: is ingress, so the stack does not use gateway'],
  ])('says what is not used: %j', async (values, message) => {
    const warn = vi.spyOn(pulumi.log, 'warn').mockResolvedValue()
    await run(setting(values))
    expect(warn.mock.calls.map(([text]) => text).join('\n')).toContain(message)
    warn.mockRestore()
  })
})

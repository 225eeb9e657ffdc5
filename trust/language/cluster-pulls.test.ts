import { describe, expect, test } from 'vitest'
import { clusterRules, clusterSource, parseClusterPulls } from './cluster-pulls.ts'

const own = { slug: 'cluster', context: undefined, audience: undefined }

describe('clusterPulls', () => {
  test.each([undefined, '', false, []])('names no cluster as %j', (value) => {
    expect(parseClusterPulls(value)).toEqual({ clusters: [], findings: [] })
  })

  test('true is the own cluster, whose namespaces the rules name', () => {
    const { clusters } = parseClusterPulls(true)
    expect(clusters).toEqual([{ ...own, namespaces: [] }])
    expect(clusterRules(clusters)).toEqual([])
  })

  test('is a list of namespaces, and of other clusters', () => {
    const edge = { slug: 'edge', context: 'edge-admin', namespaces: ['web'], audience: 'edge.example.com' }
    const { clusters, findings } = parseClusterPulls(['shop', edge, 'team-*', { slug: 'far', context: 'far' }])
    expect(findings).toEqual([])
    expect(clusters).toEqual([
      { ...own, namespaces: ['shop', 'team-*'] },
      edge,
      { slug: 'far', context: 'far', audience: undefined, namespaces: [] },
    ])
    expect(clusterRules(clusters)).toEqual([
      { kubernetes: { namespaces: ['shop', 'team-*'], source: 'cluster' } },
      { kubernetes: { namespaces: ['web'], source: 'edge' } },
    ])
  })

  test('becomes a source of the issuer and the keys that the cluster publishes', () => {
    const identity = { issuer: 'https://kubernetes.default.svc', jwks: { keys: [{ kid: '1' }] } }
    expect(clusterSource({ ...own, namespaces: [] }, identity)).toEqual({
      slug: 'cluster',
      platform: 'oidc',
      audience: undefined,
      ...identity,
    })
  })

  test.each([
    ['shop', 'clusterPulls', '"shop" is not a list'],
    [[7], 'clusterPulls[0]', ''],
    [[{ slug: 'a b' }], 'clusterPulls[0].slug', 'may contain letters'],
    [['shop', { context: 'edge' }], 'clusterPulls[1].slug', 'needs a slug'],
    [[{ slug: 'edge', contxt: 'edge' }], 'clusterPulls[0]', 'contxt'],
    [[{ slug: 'edge', context: 7 }], 'clusterPulls[0].context', 'is not text'],
    [[{ slug: 'edge', namespaces: 'web' }], 'clusterPulls[0].namespaces', 'is not a list'],
  ])('has a mistake: %j', (value, field, wrong) => {
    expect(parseClusterPulls(value).findings).toEqual([
      expect.objectContaining({ severity: 'error', field, wrong: expect.stringContaining(wrong) }),
    ])
  })
})

import { describe, expect, it } from 'vitest'
import { conflictsIn, inWords } from './conflict-advice.ts'

const official = (conflict: string) =>
  'Server-Side Apply field conflict detected. See https://example.com/handle-field-conflicts for troubleshooting help.\n' +
  `The resource managed by field manager "pulumi-kubernetes-1" had an apply conflict: ${conflict}`

describe('conflictsIn', () => {
  it.each([
    [
      'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
      [{ owner: 'kubectl (scale)', fields: ['.spec.replicas'] }],
    ],
    [
      'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1 at 2026-11-26T16:00:00Z: .spec.ports[port=1]',
      [{ owner: 'kubectl-edit', fields: ['.spec.ports[port=1]'] }],
    ],
    [
      'Apply failed with 3 conflicts: conflicts with "argocd":\n- .metadata.labels.a\n- .spec.replicas\n' +
        'conflicts with "kubectl-annotate" using networking.k8s.io/v1:\n- .metadata.annotations.example.com/a',
      [
        { owner: 'argocd', fields: ['.metadata.labels.a', '.spec.replicas'] },
        { owner: 'kubectl-annotate', fields: ['.metadata.annotations.example.com/a'] },
      ],
    ],
  ])('%s', (text, expected) => {
    expect(conflictsIn([official(text)])).toEqual(expected)
  })

  it('finds none in other errors', () => {
    expect(conflictsIn(['the Deployment is not ready: 0 of 1 replicas available'])).toEqual([])
    expect(conflictsIn([])).toEqual([])
  })
})

describe('inWords', () => {
  it('names the object, field, owner and command', () => {
    const text = inWords('Deployment "a/b"', [{ owner: 'kubectl (scale)', fields: ['.spec.replicas'] }])
    expect(text).toContain('Deployment "a/b"')
    expect(text).toContain('.spec.replicas by kubectl (scale)')
    expect(text).toContain('pulumi config set replicas 0')
    expect(text).toContain('PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up')
  })

  it('leaves the autoscaler out where it is about something else', () => {
    expect(inWords('Ingress "a/b"', [{ owner: 'x', fields: ['.metadata.labels.a'] }])).not.toContain('replicas')
  })
})

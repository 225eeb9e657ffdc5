import { describe, expect, it } from 'vitest'
import { mountsBelow } from './clean.ts'

describe('mountsBelow', () => {
  it('finds the mounts below a folder, the innermost first, and no neighbour', () => {
    const mounts = `overlay /state/kubernetes/run/a overlay rw 0 0
tmpfs /state/kubernetes/run/a/b\\040c tmpfs rw 0 0
tmpfs /state/kubernetes-of-another tmpfs rw 0 0
tmpfs /state tmpfs rw 0 0
`
    expect(mountsBelow(mounts, '/state/kubernetes')).toEqual(['/state/kubernetes/run/a/b c', '/state/kubernetes/run/a'])
  })
})

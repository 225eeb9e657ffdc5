import type { V1PersistentVolume, V1PersistentVolumeClaim } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { directoryToDelete, volumeFor } from './volumes.ts'

const uid = '6f1b1c9e-0f5c-4f0e-9d38-0a3b0c6f7d11'
const claim: V1PersistentVolumeClaim = {
  metadata: { name: 'data', namespace: 'registry', uid },
  spec: {
    storageClassName: 'local',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '20Gi' } },
  },
  status: { phase: 'Pending' },
}

const volume = volumeFor(claim, '/volumes') as V1PersistentVolume

describe('volumeFor', () => {
  it('gives a claim a directory of its own, bound to that claim alone', () => {
    expect(volume.spec).toMatchObject({
      capacity: { storage: '20Gi' },
      hostPath: { path: `/volumes/pvc-${uid}` },
      claimRef: { namespace: 'registry', name: 'data', uid },
    })
  })

  it.each([
    ['of another class', { spec: { ...claim.spec, storageClassName: 'fast' } }],
    ['that has a volume', { spec: { ...claim.spec, volumeName: 'pv' } }],
    ['that is bound', { status: { phase: 'Bound' } }],
    ['that is being deleted', { metadata: { ...claim.metadata, deletionTimestamp: new Date() } }],
  ])('leaves a claim %s alone', (_, change) => {
    expect(volumeFor({ ...claim, ...change }, '/volumes')).toBeUndefined()
  })
})

describe('directoryToDelete', () => {
  const released = { ...volume, status: { phase: 'Released' } }

  it('deletes the directory of a released volume', () => {
    expect(directoryToDelete(released)).toBe(`pvc-${uid}`)
  })

  it.each([
    ['in use', { status: { phase: 'Bound' } }],
    ['of another provisioner', { metadata: { name: `pvc-${uid}` } }],
    ['named to lead elsewhere', { metadata: { ...volume.metadata, name: '../../etc' } }],
    ['to be retained', { spec: { ...volume.spec, persistentVolumeReclaimPolicy: 'Retain' } }],
  ])('keeps that of a volume %s', (_, change) => {
    expect(directoryToDelete({ ...released, ...change })).toBeUndefined()
  })

  it('does not follow a changed path', () => {
    const spec = { ...volume.spec, hostPath: { path: '/' } }
    expect(directoryToDelete({ ...released, spec })).toBe(`pvc-${uid}`)
  })
})

import { describe, expect, it } from 'vitest'
import { imageStorage, type LastOutputs } from './former-storage.ts'

const volume = { inWords: 'the volume', isVolume: true }
const bucket = { inWords: 'bucket images (s3)', isVolume: false }
const onVolume: LastOutputs = { registry: 'r', storage: volume.inWords, volume: 'protected' }
const onBucket = { registry: 'r', storage: bucket.inWords, volume: 'none' }

describe('a stack that is new', () => {
  it.each([
    [volume, 'protected'],
    [bucket, 'none'],
  ] as const)('has a volume only if it uses one', (now, expected) => {
    expect(imageStorage({}, now, false)).toEqual({ volume: expected, warnings: [] })
  })
})

describe('a stack that stays where it is', () => {
  it.each([
    [onVolume, volume, 'protected'],
    [onBucket, bucket, 'none'],
  ] as const)('is not warned', (last, now, expected) => {
    expect(imageStorage(last, now, false)).toEqual({ volume: expected, warnings: [] })
  })
})

describe('from the volume to a bucket', () => {
  it.each([
    ['of this version', onVolume],
    ['of a version that knew nothing else', { registry: 'r' }],
  ])('keeps the volume of a stack %s, and says so', (_, last) => {
    const { volume: state, warnings } = imageStorage(last, bucket, false)
    expect(state).toBe('protected')
    expect(warnings[0]).toContain('moves from the volume to bucket images (s3). Nothing is copied')
    expect(warnings[1]).toContain('is kept, and protected')
  })

  it('goes on keeping it, and saying so', () => {
    const last = { ...onBucket, volume: 'protected' }
    expect(imageStorage(last, bucket, false)).toEqual({
      volume: 'protected',
      warnings: [expect.stringContaining('is kept')],
    })
  })

  it('deletes it in the second run with deleteImages', () => {
    const first = imageStorage({ ...onBucket, volume: 'protected' }, bucket, true)
    expect(first).toEqual({ volume: 'deletable', warnings: [expect.stringContaining('next `pulumi up` deletes it')] })
    const second = imageStorage({ ...onBucket, volume: first.volume }, bucket, true)
    expect(second).toEqual({ volume: 'none', warnings: [] })
  })

  it('protects it again if the mind is changed in between', () => {
    expect(imageStorage({ ...onBucket, volume: 'deletable' }, bucket, false).volume).toBe('protected')
  })
})

it('says that a change of the bucket copies nothing', () => {
  const { volume: state, warnings } = imageStorage({ ...onBucket, storage: 'bucket old (s3)' }, bucket, false)
  expect(state).toBe('none')
  expect(warnings).toEqual([expect.stringContaining('images in bucket old (s3) stay there')])
})

it('uses the volume again that was kept', () => {
  expect(imageStorage({ ...onBucket, volume: 'protected' }, volume, false).volume).toBe('protected')
})

/** The OCI distribution specification, through ingress and token service with a CI token. */
import { expect, it } from 'vitest'
import { conformance } from '../conformance/conformance.ts'
import { NOT_IN_DISTRIBUTION } from '../conformance/verdict.ts'

it('passes what the registry alone passes, and fails nothing else', async () => {
  const { verdict, tested, bare } = await conformance()
  expect(verdict.failed).toEqual([])
  expect(tested.ownCount).toEqual(bare.ownCount)
  // Pull, push, content discovery and content management; a suite that tests only a part would also fail nothing.
  for (const part of ['sha256 blobs/mount/', 'image/push/', 'image/pull/', 'image/tag-list', 'image/delete/']) {
    const results = tested.tests.filter(({ name }) => name.startsWith(part)).map(({ status }) => status)
    expect(new Set(results), part).toEqual(new Set(['passed']))
  }
  expect([...verdict.allowed.keys()].sort()).toEqual(NOT_IN_DISTRIBUTION.map(({ reason }) => reason).sort())
})

import { expect, it } from 'vitest'
import { patienceMs } from './patience.ts'

const limits = { dockerPatienceMs: 14_700, clientPatienceMs: 45_000 }

it.each<[string, string | null, string, number]>([
  ['docker login', 'docker', 'docker/28.3.0 go/go1.24.4 os/linux arch/amd64', 14_700],
  ['docker push, which names no client', null, 'docker/20.10.24 go/go1.19 UpstreamClient(Docker-Client/20.10)', 14_700],
  ['docker behind another agent', 'docker', '', 14_700],
  ['BuildKit', 'buildkit-client', 'buildkit/v0.23', 45_000],
  ['containerd', 'containerd-client', 'containerd/1.6.20', 45_000],
  ['skopeo', null, 'skopeo/1.9.3', 45_000],
  ['crane', null, 'crane/v0.20.6 go-containerregistry/v0.20.6', 45_000],
  ['who says nothing', null, '', 45_000],
  ['who only speaks of docker', null, 'not-docker/1.0', 45_000],
])('%s waits as long as it was seen to', (_, clientId, agent, waitsMs) => {
  expect(patienceMs(clientId, agent, limits)).toBe(waitsMs)
})

it('is never longer than others may wait', () => {
  expect(patienceMs('docker', '', { ...limits, clientPatienceMs: 1_000 })).toBe(1_000)
})

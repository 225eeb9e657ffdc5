import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Tool, tools } from './tools.ts'

const goMod = (module: string) => readFileSync(join(import.meta.dirname, 'go', module, 'go.mod'), 'utf8')
const required = (module: string, path: string) =>
  new RegExp(`^(?:require)?\\s*${path} v(\\S+)`, 'm').exec(goMod(module))?.[1]

// What is downloaded or found on PATH has to be what would be built.
test.each([
  ['pulumi', 'github.com/pulumi/pulumi/pkg/v3'],
  ['registry', 'github.com/distribution/distribution/v3'],
  ['crane', 'github.com/google/go-containerregistry'],
  ['kubernetes', 'k8s.io/kubernetes'],
  ['kubernetes-provider', 'github.com/pulumi/pulumi-kubernetes/provider/v4'],
  ['coredns', 'github.com/coredns/coredns'],
  ['skipper', 'github.com/zalando/skipper'],
  ['buildkit', 'github.com/moby/buildkit'],
  ['oras', 'oras.land/oras'],
  ['versitygw', 'github.com/versity/versitygw'],
  ['traefik', 'github.com/traefik/traefik/v3'],
  ['conformance', 'github.com/opencontainers/distribution-spec/conformance'],
  ['controllergen', 'sigs.k8s.io/controller-tools'],
] as const)('the version of %s is the one that go.mod pins', (name, path) => {
  expect(tools[name].version).toBe(required(tools[name].build.module, path))
})

test('so are the version that Kubernetes reports and the etcd beside it', () => {
  expect(tools.kubernetes.build.variables).toMatchObject({
    'k8s.io/component-base/version.gitVersion': `v${tools.kubernetes.version}`,
    'k8s.io/client-go/pkg/version.gitVersion': `v${tools.kubernetes.version}`,
  })
  const urls = tools.kubernetes.downloads({ version: '1.34.4', os: 'linux', arch: 'amd64' }).map(({ url }) => url)
  expect(urls.at(-1)).toContain(`etcd-v${required('cluster', 'go.etcd.io/etcd/server/v3')}-linux-amd64`)
})

test('each command of Kubernetes is downloaded', () => {
  const { version, commands, downloads } = tools.kubernetes
  const files = downloads({ version, os: 'linux', arch: 'arm64' }).map(
    ({ url }) => url.split('/').at(-1)?.split('-v')[0],
  )
  expect(files).toEqual(commands)
})

test.each(Object.entries<Tool>(tools))('%s is downloaded by HTTPS, in this version, for this platform', (_, tool) => {
  for (const os of tool.publishedFor) {
    for (const arch of ['amd64', 'arm64']) {
      for (const { url, checksums } of tool.downloads({ version: '7.8.9', os, arch })) {
        expect([url, checksums]).toEqual([expect.stringMatching(/^https:/), expect.stringMatching(/^https:/)])
        expect(url).toMatch(/7\.8\.9|etcd/)
        expect(url.toLowerCase()).toContain(os)
        expect(url).toMatch(arch === 'arm64' ? /arm64/ : /amd64|x64|x86_64/)
      }
    }
  }
})

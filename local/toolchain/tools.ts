/**
 * The tools that the local world needs and that no package manager brings in the right version: which version, how
 * one already on PATH is recognised, where its publisher offers it, and how it is built from the pinned Go modules.
 *
 * The versions are those of go/<module>/go.mod; tools.test.ts compares the two.
 */

export type ToolName = keyof typeof tools

export interface Platform {
  os: string
  arch: string
}

/** One published file; its contents end up in the tool's directory. */
export interface Download {
  url: string
  /** A file of SHA-256 sums: lines of `<hex>  <file name>`, or one bare sum. */
  checksums: string
  /** The file is a gzipped tar with this many leading folders to leave out, or the command of that name itself. */
  content: { archive: { strip: 0 | 1 } } | { command: string }
}

export interface Tool {
  version: string
  /** What the tool's directory holds at least; the first is the one that answers `ensureTool`. */
  commands: readonly [string, ...string[]]
  /** How the first command prints its version, and up to which part that has to be the same (beyond it: not older). */
  onPath?: { versionArguments: string[]; samePart: 'major' | 'minor' }
  /** The operating systems for which the publisher has it, each for amd64 and arm64. */
  publishedFor: readonly string[]
  downloads(target: Target): Download[]
  build: {
    module:
      | 'buildkit'
      | 'cluster'
      | 'conformance'
      | 'kubernetes-provider'
      | 'monitoring'
      | 'oras'
      | 'registry'
      | 'traefik'
      | 'versitygw'
    package: string
    /** The packages of further commands, each named after the last part of its package. */
    besides?: readonly string[]
    /** Set into variables of the program by the linker, as `package.variable` to value. */
    variables?: Record<string, string>
    /** The commands are one program that goes by its own name; its name here. */
    multiCall?: string
  }
}

const ETCD = '3.6.4'
const kubernetesCommands = [
  'kubectl',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
] as const

type Target = Platform & { version: string }

/** A published name with the target's parts in it: amd64 is called x64 by some and x86_64 by others. */
const named = (name: string, { version, os, arch }: Target) =>
  name
    .replaceAll('{version}', version)
    .replace('{os}', os)
    .replace('{arch}', arch)
    .replace('{x64}', arch === 'amd64' ? 'x64' : arch)
    .replace('{Os_machine}', `${os === 'linux' ? 'Linux' : 'Darwin'}_${arch === 'amd64' ? 'x86_64' : arch}`)

/**
 * The one archive that a release on GitHub has for each platform.
 * @param checksums the release's file of sums, with {archive} for the name of the archive, or a URL
 */
const release =
  (repository: string, archive: string, checksums: string, strip: 0 | 1) =>
  (target: Target): Download[] => {
    const url = (file: string) =>
      named(
        file.startsWith('https:') ? file : `https://github.com/${repository}/releases/download/v{version}/${file}`,
        target,
      )
    return [
      { url: url(archive), checksums: url(checksums.replace('{archive}', archive)), content: { archive: { strip } } },
    ]
  }

export const tools = {
  pulumi: {
    version: '3.259.0',
    commands: ['pulumi'],
    onPath: { versionArguments: ['version'], samePart: 'major' },
    publishedFor: ['linux', 'darwin'],
    downloads: release('pulumi/pulumi', 'pulumi-v{version}-{os}-{x64}.tar.gz', 'pulumi-{version}-checksums.txt', 1),
    build: { module: 'registry', package: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi' },
  },
  registry: {
    version: '3.1.2',
    commands: ['registry'],
    onPath: { versionArguments: ['--version'], samePart: 'major' },
    publishedFor: ['linux'],
    downloads: release('distribution/distribution', 'registry_{version}_{os}_{arch}.tar.gz', '{archive}.sha256', 0),
    build: { module: 'registry', package: 'github.com/distribution/distribution/v3/cmd/registry' },
  },
  crane: {
    version: '0.20.6',
    commands: ['crane'],
    onPath: { versionArguments: ['version'], samePart: 'major' },
    publishedFor: ['linux', 'darwin'],
    downloads: release('google/go-containerregistry', 'go-containerregistry_{Os_machine}.tar.gz', 'checksums.txt', 0),
    build: { module: 'registry', package: 'github.com/google/go-containerregistry/cmd/crane' },
  },
  // The control plane and all that a node runs, etcd included. Built, they are one program with many names, since
  // they share most of their code: 140 MB and one link instead of seven.
  kubernetes: {
    version: '1.34.4',
    commands: [...kubernetesCommands, 'etcd'],
    onPath: { versionArguments: ['version', '--client'], samePart: 'minor' },
    publishedFor: ['linux'],
    downloads: ({ version, os, arch }) => [
      ...kubernetesCommands.map((command) => {
        const url = `https://dl.k8s.io/v${version}/bin/${os}/${arch}/${command}`
        return { url, checksums: `${url}.sha256`, content: { command } }
      }),
      ...release('etcd-io/etcd', 'etcd-v{version}-{os}-{arch}.tar.gz', 'SHA256SUMS', 1)({ version: ETCD, os, arch }),
    ],
    build: {
      module: 'cluster',
      package: './hyper',
      multiCall: 'hyper',
      // Unset, the servers call themselves v0.0.0, and the API server refuses such a kubelet as too old.
      variables: {
        'k8s.io/component-base/version.gitVersion': 'v1.34.4',
        'k8s.io/component-base/version.gitMajor': '1',
        'k8s.io/component-base/version.gitMinor': '34',
        'k8s.io/component-base/version.gitTreeState': 'clean',
        'k8s.io/client-go/pkg/version.gitVersion': 'v1.34.4',
        'k8s.io/client-go/pkg/version.gitMajor': '1',
        'k8s.io/client-go/pkg/version.gitMinor': '34',
      },
    },
  },
  // Where it can be downloaded, `pulumi plugin install` does that. The Go proxy serves this state of its repository,
  // between the releases 4.24 and 4.25, and no newer one.
  'kubernetes-provider': {
    version: '4.0.0-20260115033456-f47bc2d6f199',
    commands: ['pulumi-resource-kubernetes'],
    publishedFor: [],
    downloads: () => [],
    build: {
      module: 'kubernetes-provider',
      package: './pulumi-resource-kubernetes',
      // The version of its SDK in package.json: the engine warns of a provider that is older.
      variables: { 'github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version': '4.34.2' },
    },
  },
  coredns: {
    version: '1.12.4',
    commands: ['coredns'],
    onPath: { versionArguments: ['-version'], samePart: 'major' },
    publishedFor: ['linux', 'darwin'],
    downloads: release('coredns/coredns', 'coredns_{version}_{os}_{arch}.tgz', '{archive}.sha256', 0),
    build: { module: 'cluster', package: './coredns' },
  },
  skipper: {
    version: '0.27.41',
    commands: ['skipper'],
    onPath: { versionArguments: ['-version'], samePart: 'major' },
    publishedFor: ['linux', 'darwin'],
    downloads: release('zalando/skipper', 'skipper-v{version}-{os}-{arch}.tar.gz', 'sha256sum.txt', 1),
    build: { module: 'cluster', package: 'github.com/zalando/skipper/cmd/skipper' },
  },
  // For the end-to-end tests only: how jobs build where no Docker engine runs.
  buildkit: {
    version: '0.23.2',
    commands: ['buildctl', 'buildkitd'],
    onPath: { versionArguments: ['--version'], samePart: 'major' },
    publishedFor: ['linux'],
    downloads: release(
      'moby/buildkit',
      'buildkit-v{version}.{os}-{arch}.tar.gz',
      // Its publisher offers no sums; nerdctl, which ships these archives, keeps them in its repository.
      'https://raw.githubusercontent.com/containerd/nerdctl/main/Dockerfile.d/SHA256SUMS.d/buildkit-v{version}',
      1,
    ),
    build: {
      module: 'buildkit',
      package: 'github.com/moby/buildkit/cmd/buildctl',
      besides: ['github.com/moby/buildkit/cmd/buildkitd'],
    },
  },
  // For `npm run soak` only.
  oras: {
    version: '1.2.3',
    commands: ['oras'],
    onPath: { versionArguments: ['version'], samePart: 'major' },
    publishedFor: ['linux', 'darwin'],
    downloads: release('oras-project/oras', 'oras_{version}_{os}_{arch}.tar.gz', 'oras_{version}_checksums.txt', 0),
    build: { module: 'oras', package: 'oras.land/oras/cmd/oras' },
  },
  // A real S3 server, for object storage.
  versitygw: {
    version: '1.8.0',
    commands: ['versitygw'],
    onPath: { versionArguments: ['--version'], samePart: 'minor' },
    publishedFor: ['linux', 'darwin'],
    downloads: release('versity/versitygw', 'versitygw_v{version}_{Os_machine}.tar.gz', 'checksums.txt', 1),
    build: {
      module: 'versitygw',
      package: 'github.com/versity/versitygw/cmd/versitygw',
      // Otherwise it calls itself "git".
      variables: { 'main.Version': '1.8.0' },
    },
  },
  // For `npm run soak -- gateway` only: it takes 10 minutes to build.
  traefik: {
    version: '3.6.1',
    commands: ['traefik'],
    onPath: { versionArguments: ['version'], samePart: 'major' },
    publishedFor: ['linux', 'darwin'],
    downloads: release(
      'traefik/traefik',
      'traefik_v{version}_{os}_{arch}.tar.gz',
      'traefik_v{version}_checksums.txt',
      0,
    ),
    build: { module: 'traefik', package: 'github.com/traefik/traefik/v3/cmd/traefik' },
  },
  // For `npm run conformance` and its end-to-end test only. Its publisher offers no binaries.
  conformance: {
    version: '0.0.0-20260831232431-97274622c111',
    commands: ['conformance'],
    publishedFor: [],
    downloads: () => [],
    build: { module: 'conformance', package: 'github.com/opencontainers/distribution-spec/conformance' },
  },
  // For an engine test only: it makes the definitions of the Prometheus operator's kinds from their Go types, as the
  // operator's own build does. Its publisher offers no sums.
  controllergen: {
    version: '0.23.0',
    commands: ['controller-gen'],
    publishedFor: [],
    downloads: () => [],
    build: { module: 'monitoring', package: 'sigs.k8s.io/controller-tools/cmd/controller-gen' },
  },
} as const satisfies Record<string, Tool>

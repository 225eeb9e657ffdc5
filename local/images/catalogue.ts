/** The images of the local world: what is in them, and how they start. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pauseImage } from '../kubernetes/configuration.ts'
import { closure, pythonPackage, unpackPackages } from './debian.ts'
import type { Content, Image } from './oci.ts'

/** References as a pod's specification has them. */
export const images = {
  coredns: 'docker.io/local/coredns:1',
  skipper: 'docker.io/local/skipper:1',
  registry: 'docker.io/local/registry:3.1.2',
  node: 'docker.io/local/node:24',
  versitygw: 'docker.io/local/versitygw:1',
} as const

/** Nobody: owns no file in an image and has no name on this machine. */
const USER = '65532:65532'
const passwd = 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n'
const group = 'root:x:0:\nnonroot:x:65532:\n'

/** Where Debian and its kin keep the authorities that the machine trusts. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

export interface Binaries {
  readonly coredns: string
  readonly skipper: string
  readonly registry: string
  readonly versitygw: string
  /** A Node 24 for Linux. */
  readonly node: string
}

/**
 * @param binaries static ones, but for `node`
 * @param packagesDirectory where unpacked Debian packages are kept
 */
export async function catalogue(binaries: Binaries, packagesDirectory: string): Promise<Image[]> {
  const [pause, busybox, nodeRoot] = await Promise.all([
    pauseBinary(packagesDirectory),
    busyboxBinary(packagesDirectory),
    nodeLibraries(packagesDirectory),
  ])
  return [
    {
      reference: pauseImage,
      contents: { '/pause': { file: pause } },
      config: { entrypoint: ['/pause', '-P'], user: '65535:65535' },
    },
    program(images.coredns, '/coredns', binaries.coredns),
    program(images.skipper, '/skipper', binaries.skipper),
    program(images.versitygw, '/versitygw', binaries.versitygw),
    {
      reference: images.registry,
      // The published image is one of Alpine, whose tar copies images in and out of a volume.
      contents: {
        '/bin/registry': { file: binaries.registry },
        '/bin/busybox': { file: busybox },
        '/bin/tar': { link: 'busybox' },
        ...base(),
      },
      config: { entrypoint: ['registry'], command: ['serve', '/etc/distribution/config.yml'], user: USER },
    },
    {
      reference: images.node,
      contents: {
        '/': { directory: nodeRoot },
        '/usr/local/bin/node': { file: binaries.node },
        '/usr/bin/python3': { link: pythonIn(nodeRoot) },
        ...base(),
      },
      config: { entrypoint: ['node'], user: USER },
    },
  ]
}

function program(reference: string, path: string, file: string): Image {
  return { reference, contents: { [path]: { file }, ...base() }, config: { entrypoint: [path], user: USER } }
}

function base(): Record<string, Content> {
  return {
    '/etc/passwd': { text: passwd },
    '/etc/group': { text: group },
    ...(existsSync(CERTIFICATES) && { [CERTIFICATES]: { file: CERTIFICATES } }),
  }
}

/** `catatonit -P` holds a pod's namespaces and reaps, as Kubernetes' own pause does; its Debian package is static. */
export async function pauseBinary(packagesDirectory: string): Promise<string> {
  const directory = join(packagesDirectory, 'catatonit')
  await unpackPackages(directory, async () => ['catatonit'])
  return join(directory, 'usr/bin/catatonit')
}

/** Static as well. */
async function busyboxBinary(packagesDirectory: string): Promise<string> {
  const directory = join(packagesDirectory, 'busybox-static')
  await unpackPackages(directory, async () => ['busybox-static'])
  return join(directory, 'bin/busybox')
}

/** What the Node binary links to, and a Python 3 with PyJWT, as the stand-in authentik runs its expressions by. */
async function nodeLibraries(packagesDirectory: string): Promise<string> {
  const directory = join(packagesDirectory, 'node-libraries-and-python')
  await unpackPackages(directory, async () => {
    const python = await pythonPackage()
    const needed = await closure(['libstdc++6', `${python}-minimal`, `lib${python}-stdlib`])
    // python3-jwt by itself: what else it depends upon only matters when installing.
    return [...needed, 'python3-jwt']
  })
  return directory
}

/** The name of the Python that was unpacked: a link to it is in a package that is not. */
function pythonIn(root: string): string {
  const name = readdirSync(join(root, 'usr/bin')).find((file) => /^python3\.\d+$/.test(file))
  if (!name) throw new Error(`no python3.N in ${root}/usr/bin; delete ${root} and try again`)
  return name
}

/**
 * Where the cluster keeps its things, and the addresses inside it.
 *
 *   <stateDir>/kubeconfig                for whoever uses the cluster
 *   <stateDir>/kubernetes/
 *     pki/                               keys, certificates and kubeconfigs of the components (0700)
 *     etc/                               configuration files, written at every start
 *     data/etcd|containerd|kubelet       what survives a stop that keeps data
 *     volumes/                           the persistent volumes of StorageClass `local`
 *     logs/                              one file per process, of the last start
 *     run/                               sockets, network namespace, process ids; gone after a stop
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Stop } from '../steps.ts'

export interface Layout {
  readonly stateDir: string
  readonly root: string
  readonly kubeconfig: string
  readonly pki: string
  readonly etc: string
  readonly data: string
  readonly volumes: string
  readonly logs: string
  readonly run: string
  readonly containerdSocket: string
  /** A file that holds the cluster's network namespace. */
  readonly networkNamespace: string
  /** The name of the cgroup that all processes are in; two state directories never share one. */
  readonly cgroup: string
}

/** `sun_path` of unix(7), without the final zero byte. */
const SOCKET_PATH_BYTES = 107

/**
 * The paths of the cluster that belongs to `stateDir` (absolute).
 *
 * @throws Stop when sockets below it would have names that are too long for the kernel
 */
export function layoutOf(stateDir: string): Layout {
  const root = join(stateDir, 'kubernetes')
  const run = join(root, 'run')
  const containerdSocket = join(run, 'containerd.sock')
  // containerd makes a second socket with this ending.
  const excess = Buffer.byteLength(`${containerdSocket}.ttrpc`) - SOCKET_PATH_BYTES
  if (excess > 0) {
    throw new Stop(
      `The state directory ${stateDir} is ${excess} bytes too long for the sockets in it; set PASSWORDLESS_REGISTRY_STATE to a shorter path.`,
    )
  }
  return {
    stateDir,
    root,
    kubeconfig: join(stateDir, 'kubeconfig'),
    pki: join(root, 'pki'),
    etc: join(root, 'etc'),
    data: join(root, 'data'),
    volumes: join(root, 'volumes'),
    logs: join(root, 'logs'),
    run,
    containerdSocket,
    networkNamespace: join(run, 'network-namespace'),
    cgroup: `plr-${createHash('sha256').update(stateDir).digest('hex').slice(0, 8)}`,
  }
}

/**
 * One network namespace is control plane and node in one. Its only device besides the pods' is `lo`, so nothing in
 * the cluster can leave the machine. The node's address is from TEST-NET-2 (RFC 5737): it is routed nowhere.
 */
export const network = {
  nodeName: 'local',
  nodeAddress: '198.51.100.1',
  apiPort: 6443,
  podRange: '10.244.0.0/24',
  serviceRange: '10.96.0.0/16',
  /** First address of the service range: always the Service `kubernetes`. */
  apiServiceAddress: '10.96.0.1',
  dnsServiceAddress: '10.96.0.10',
  domain: 'cluster.local',
} as const

/** The configuration files of containerd, CNI, the kubelet and kube-proxy. */
import { join } from 'node:path'
import { stringify } from 'yaml'
import { podsCgroup } from './cgroups.ts'
import { type Layout, network } from './layout.ts'

/** The image of the process that holds a pod's namespaces; made by ../images. */
export const pauseImage = 'docker.io/local/pause:1'

/** Where Debian's containernetworking-plugins has them. */
export const cniPlugins = '/usr/lib/cni'

/** File name in `etc/` (folders allowed) to its text. */
export function configurationFiles(layout: Layout): Record<string, string> {
  return {
    'containerd.toml': containerdToml(layout),
    'cni/pods.conflist': `${JSON.stringify(cniNetwork(layout), null, 2)}\n`,
    'kubelet.yaml': stringify(kubeletConfiguration(layout)),
    'kube-proxy.yaml': stringify(kubeProxyConfiguration(layout)),
  }
}

/**
 * Version 2 of the format is read by containerd 1.5 to 2.x.
 *
 * `restrict_oom_score_adj`: a machine may deny CAP_SYS_RESOURCE even to root, and every sandbox would fail.
 * The hugetlb hierarchy is left alone: under cgroup v1 it is often not mounted.
 */
function containerdToml({ data, run, etc, containerdSocket }: Layout): string {
  const quoted = (text: string) => JSON.stringify(text)
  return `version = 2
root = ${quoted(join(data, 'containerd'))}
state = ${quoted(join(run, 'containerd'))}
oom_score = 0

[grpc]
  address = ${quoted(containerdSocket)}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${quoted(pauseImage)}
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = ${quoted(join(run, 'runc'))}
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${quoted(cniPlugins)}
    conf_dir = ${quoted(join(etc, 'cni'))}
`
}

/**
 * `ptp` gives each pod a routed link of its own. Over a bridge, an answer between two pods would bypass the address
 * translation of Services unless the kernel has br_netfilter.
 */
function cniNetwork({ run }: Layout): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: join(run, 'cni'),
          ranges: [[{ subnet: network.podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  }
}

function kubeletConfiguration(layout: Layout): object {
  const { pki, data, containerdSocket } = layout
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: podsCgroup(layout),
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    address: network.nodeAddress,
    port: 10250,
    readOnlyPort: 0,
    healthzBindAddress: '127.0.0.1',
    tlsCertFile: join(pki, 'kubelet.crt'),
    tlsPrivateKeyFile: join(pki, 'kubelet.key'),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(pki, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    clusterDomain: network.domain,
    clusterDNS: [network.dnsServiceAddress],
    // The machine's resolver is out of reach from inside the cluster.
    resolvConf: '',
    makeIPTablesUtilChains: false,
    // Our images exist nowhere else: never collect them.
    imageGCHighThresholdPercent: 100,
    imageMaximumGCAge: '0s',
    // Do not evict pods because a developer's disk is nearly full.
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
      'nodefs.inodesFree': '1%',
    },
    podLogsDir: join(data, 'pod-logs'),
    volumePluginDir: join(data, 'volume-plugins'),
    staticPodPath: '',
  }
}

function kubeProxyConfiguration({ pki }: Layout): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: join(pki, 'proxy.kubeconfig') },
    clusterCIDR: network.podRange,
    hostnameOverride: network.nodeName,
    oomScoreAdj: 0,
    // The machine's own connection tracking limits stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
  }
}

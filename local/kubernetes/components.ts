/** The command lines of the processes that make the cluster, in the order in which they are started. */
import { join } from 'node:path'
import { credentialProviderFlags } from './credential-provider-files.ts'
import { type Layout, network } from './layout.ts'

export interface Component {
  readonly name: string
  readonly argv: readonly [string, ...string[]]
}

/** @param binaries the folder with Kubernetes' and etcd's binaries */
export function controlPlane(binaries: string, { pki, data }: Layout): Component[] {
  const pkiFile = (name: string) => join(pki, name)
  const etcd = 'http://127.0.0.1:2379'
  const etcdPeer = 'http://127.0.0.1:2380'
  return [
    component(binaries, 'etcd', [
      '--name=local',
      `--data-dir=${join(data, 'etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${etcdPeer}`,
      `--initial-advertise-peer-urls=${etcdPeer}`,
      `--initial-cluster=local=${etcdPeer}`,
      // Seconds faster. Only a crash of the machine can lose what was written, not a crash of etcd.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ]),
    component(binaries, 'kube-apiserver', [
      `--etcd-servers=${etcd}`,
      '--bind-address=0.0.0.0',
      `--advertise-address=${network.nodeAddress}`,
      `--secure-port=${network.apiPort}`,
      `--service-cluster-ip-range=${network.serviceRange}`,
      `--tls-cert-file=${pkiFile('apiserver.crt')}`,
      `--tls-private-key-file=${pkiFile('apiserver.key')}`,
      `--client-ca-file=${pkiFile('ca.crt')}`,
      `--kubelet-client-certificate=${pkiFile('apiserver-kubelet.crt')}`,
      `--kubelet-client-key=${pkiFile('apiserver-kubelet.key')}`,
      `--kubelet-certificate-authority=${pkiFile('ca.crt')}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${pkiFile('service-accounts.key')}`,
      `--service-account-key-file=${pkiFile('service-accounts.pub')}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--requestheader-client-ca-file=${pkiFile('ca.crt')}`,
      '--requestheader-allowed-names=front-proxy',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${pkiFile('front-proxy.crt')}`,
      `--proxy-client-key-file=${pkiFile('front-proxy.key')}`,
      '--profiling=false',
    ]),
    // Neither gets --authentication-kubeconfig: with it they end when RBAC is not yet there. The request limits let
    // the first seconds pass without a queue.
    component(binaries, 'kube-controller-manager', [
      `--kubeconfig=${pkiFile('controller-manager.kubeconfig')}`,
      '--leader-elect=false',
      '--use-service-account-credentials',
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      `--service-account-private-key-file=${pkiFile('service-accounts.key')}`,
      `--root-ca-file=${pkiFile('ca.crt')}`,
      `--cluster-signing-cert-file=${pkiFile('ca.crt')}`,
      `--cluster-signing-key-file=${pkiFile('ca.key')}`,
      `--service-cluster-ip-range=${network.serviceRange}`,
      '--allocate-node-cidrs=false',
      '--bind-address=127.0.0.1',
    ]),
    component(binaries, 'kube-scheduler', [
      `--kubeconfig=${pkiFile('scheduler.kubeconfig')}`,
      '--leader-elect=false',
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      '--bind-address=127.0.0.1',
    ]),
  ]
}

export function containerRuntime({ etc }: Layout): Component {
  return { name: 'containerd', argv: ['containerd', '--config', join(etc, 'containerd.toml')] }
}

/** What runs on the node once containerd and the API server answer. */
export function node(binaries: string, layout: Layout): Component[] {
  const { etc } = layout
  return [kubelet(binaries, layout), component(binaries, 'kube-proxy', [`--config=${join(etc, 'kube-proxy.yaml')}`])]
}

export function kubelet(binaries: string, layout: Layout): Component {
  const { pki, etc, data } = layout
  return component(binaries, 'kubelet', [
    `--config=${join(etc, 'kubelet.yaml')}`,
    `--kubeconfig=${join(pki, 'kubelet.kubeconfig')}`,
    `--hostname-override=${network.nodeName}`,
    `--node-ip=${network.nodeAddress}`,
    `--root-dir=${join(data, 'kubelet')}`,
    `--cert-dir=${join(data, 'kubelet', 'pki')}`,
    ...credentialProviderFlags(layout),
  ])
}

function component(binaries: string, name: string, flags: string[]): Component {
  return { name, argv: [join(binaries, name), ...flags] }
}

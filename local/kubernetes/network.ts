/**
 * The network namespace of the cluster. A file in the state directory holds it, not a name in /run/netns: so it can be
 * taken away without a trace, and needs no mount point that others share.
 */
import { writeFile } from 'node:fs/promises'
import { run } from '../toolchain/command.ts'
import { type Layout, network } from './layout.ts'

const LIMIT = { timeoutSeconds: 10 }

export async function createNetwork({ networkNamespace }: Layout): Promise<void> {
  await writeFile(networkNamespace, '')
  await run(['unshare', `--net=${networkNamespace}`, 'true'], LIMIT)
  const inside = (...argv: string[]) => run(['nsenter', `--net=${networkNamespace}`, ...argv], LIMIT)
  await inside('ip', 'link', 'set', 'lo', 'up')
  await inside('ip', 'address', 'add', `${network.nodeAddress}/32`, 'dev', 'lo')
  // A way for the node's own connections to Services, until kube-proxy's rules rewrite their destination.
  await inside('ip', 'route', 'add', network.serviceRange, 'dev', 'lo', 'src', network.nodeAddress)
  await inside('sysctl', '--quiet', '--write', 'net.ipv4.ip_forward=1')
}

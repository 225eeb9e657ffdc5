/**
 * The detached process that forwards loopback ports to Services through a cluster's API server.
 *
 * usage: node api-forwarder.ts KUBECONFIG CONTEXT FORWARDS.json
 *
 * FORWARDS.json maps a local port to { namespace, service, port }; it is read again on SIGHUP. Each connection looks for
 * a ready pod anew, so a restarted pod costs no restart here.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { CoreV1Api, DiscoveryV1Api, KubeConfig, PortForward } from '@kubernetes/client-node'
import type { ServicePort } from './forward.ts'
import { pickEndpoint } from './pick-endpoint.ts'

const [kubeconfig, context, forwardsFile] = process.argv.slice(2)
if (!kubeconfig || context === undefined || !forwardsFile) {
  throw new Error('usage: api-forwarder.ts KUBECONFIG CONTEXT FORWARDS.json')
}

const config = new KubeConfig()
config.loadFromFile(kubeconfig)
config.setCurrentContext(context)

let targets = new Map<number, ServicePort>()
const servers = new Map<number, Server[]>()

async function reload(file: string): Promise<void> {
  const forwards = JSON.parse(await readFile(file, 'utf8')) as Record<string, ServicePort>
  targets = new Map(Object.entries(forwards).map(([port, target]) => [Number(port), target]))
  for (const [port, listening] of servers) {
    if (targets.has(port)) continue
    for (const server of listening) server.close()
    servers.delete(port)
  }
  for (const port of targets.keys()) {
    if (!servers.has(port))
      servers.set(
        port,
        ['127.0.0.1', '::1'].map((address) => listen(port, address)),
      )
  }
}

function listen(port: number, address: string): Server {
  const server = createServer((socket) => {
    connect(socket, port).catch((error) => {
      console.log(`port ${port}: ${error instanceof Error ? error.message : error}`)
      socket.destroy()
    })
  })
  return server.on('error', (error) => console.log(error.message)).listen(port, address)
}

async function connect(socket: Socket, localPort: number): Promise<void> {
  socket.on('error', () => socket.destroy())
  const target = targets.get(localPort)
  if (!target) throw new Error('is no longer forwarded')
  const { namespace, service } = target
  const [{ spec }, { items }] = await Promise.all([
    config.makeApiClient(CoreV1Api).readNamespacedService({ namespace, name: service }),
    config
      .makeApiClient(DiscoveryV1Api)
      .listNamespacedEndpointSlice({ namespace, labelSelector: `kubernetes.io/service-name=${service}` }),
  ])
  const endpoint = pickEndpoint(spec?.ports ?? [], items, target.port)
  if (!endpoint) throw new Error(`Service ${namespace}/${service} has no ready pod for its port ${target.port}`)
  const problems = new PassThrough().on('data', (text) => console.log(`port ${localPort}: ${text}`))
  await new PortForward(config).portForward(namespace, endpoint.pod, [endpoint.port], socket, problems, socket)
}

process.on('SIGHUP', () => reload(forwardsFile).catch((error) => console.log(error.message)))
await reload(forwardsFile)

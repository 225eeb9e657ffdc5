/** What jobs and strangers do, for a dashboard with something to see. */
import { setTimeout as sleep } from 'node:timers/promises'
import { layer, pull, push } from '../bytes/layer.ts'

const REPOSITORIES = 4
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

export interface Clients {
  /** `host:port` */
  registry: string
  /** A registry token of a job of this repository, which may push. */
  tokenOf(repository: string): Promise<string>
  /** A job that no rule names asks for one. */
  stranger(): Promise<unknown>
  /** A client without a login asks for one. */
  anonymous(): Promise<unknown>
}

/** Pushes, pulls and refusals for so long, more of them in the middle. */
export async function traffic(clients: Clients, seconds: number): Promise<void> {
  const begin = Date.now()
  for (let round = 0; Date.now() - begin < seconds * 1000; round += 1) {
    const part = (Date.now() - begin) / (seconds * 1000)
    await oneJob(clients, round)
    if (round % 3 === 0) await clients.anonymous()
    if (round % 4 === 0) await clients.stranger()
    await sleep(900 - 800 * Math.sin(Math.PI * part))
  }
}

async function oneJob({ registry, tokenOf }: Clients, round: number): Promise<void> {
  const name = `acme/board-${round % REPOSITORIES}`
  const token = await tokenOf(name)
  const [content, config] = [layer(2, round), layer(1, 0)]
  const repository = { registry, name, token }
  await push(repository, config)
  await push(repository, content)
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config.digest, size: config.bytes },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: content.digest, size: content.bytes }],
  }
  const url = `http://${registry}/v2/${name}/manifests/latest`
  const headers = { authorization: `Bearer ${token}` }
  const put = { method: 'PUT', headers: { ...headers, 'content-type': MANIFEST }, body: JSON.stringify(manifest) }
  const { status } = await fetch(url, put)
  if (status !== 201) throw new Error(`the registry answered ${status} to a manifest`)
  for (let pulls = 0; pulls < 2; pulls += 1) {
    await (await fetch(url, { headers: { ...headers, accept: MANIFEST } })).arrayBuffer()
    await pull(repository, content)
  }
}

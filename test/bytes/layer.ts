/** Layers as a registry client sends and fetches them, with as little work in the client as possible. */
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { request } from 'undici'

/** What is sent again and again: random, so that nothing on the way can compress it. */
const PIECE = randomBytes(1 << 20)

export interface Layer {
  bytes: number
  digest: string
  /** The content from its start. */
  read(): Generator<Buffer>
}

/** A layer of `pieces` MiB; equal numbers make equal layers. Hashing it costs time, so make it before you measure. */
export function layer(pieces: number, number: number): Layer {
  const first = Buffer.from(PIECE)
  first.writeUInt32BE(number)
  function* read() {
    yield first
    for (let index = 1; index < pieces; index += 1) yield PIECE
  }
  const hash = createHash('sha256')
  for (const piece of read()) hash.update(piece)
  return { bytes: pieces * PIECE.length, digest: `sha256:${hash.digest('hex')}`, read }
}

/** A repository, as one client reaches it. */
export interface Repository {
  /** `host:port` */
  registry: string
  name: string
  /** A registry token; undefined where the registry asks for none. */
  token: string | undefined
}

const headersFor = ({ token }: Repository) => (token === undefined ? {} : { authorization: `Bearer ${token}` })

/** As docker does it: the content in one PATCH, then a PUT that names the digest. */
export async function push(repository: Repository, { bytes, digest, read }: Layer): Promise<void> {
  const base = `http://${repository.registry}`
  const headers = headersFor(repository)
  const begun = await request(`${base}/v2/${repository.name}/blobs/uploads/`, { method: 'POST', headers })
  const place = locationIn(await expectStatus(begun, 202), base)
  const body = { 'content-type': 'application/octet-stream', 'content-length': String(bytes) }
  const sent = await request(place, { method: 'PATCH', headers: { ...headers, ...body }, body: Readable.from(read()) })
  const end = locationIn(await expectStatus(sent, 202), base)
  end.searchParams.set('digest', digest)
  await expectStatus(await request(end, { method: 'PUT', headers }), 201)
}

/** Fetches it and counts the bytes. @throws Error when they are not all there */
export async function pull(repository: Repository, { bytes, digest }: Layer): Promise<void> {
  const url = `http://${repository.registry}/v2/${repository.name}/blobs/${digest}`
  const answer = await request(url, { headers: headersFor(repository) })
  if (answer.statusCode !== 200) await expectStatus(answer, 200)
  let received = 0
  for await (const chunk of answer.body) received += chunk.length
  if (received !== bytes) throw new Error(`${digest}: expected ${bytes} bytes, ${received} came`)
}

type Answer = Awaited<ReturnType<typeof request>>

async function expectStatus(answer: Answer, expected: number): Promise<Answer['headers']> {
  const text = await answer.body.text()
  if (answer.statusCode === expected) return answer.headers
  throw new Error(`the registry answered ${answer.statusCode} where ${expected} was expected: ${text.slice(0, 500)}`)
}

function locationIn({ location }: Answer['headers'], base: string): URL {
  if (typeof location !== 'string') throw new Error('the registry said no location')
  return new URL(location, base)
}

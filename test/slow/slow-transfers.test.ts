/**
 * Layers over a slow line, through a Skipper with its own defaults: it would end an answer after 60 s and a request
 * after 5 minutes. The annotations of the Ingress lift that. This waits and hardly computes: it runs beside other
 * tests.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LAYER_ANNOTATIONS } from '../../infra/kubernetes/ingress-objects.ts'
import { type RegistryProcess, startBareRegistry } from '../engine/registry-process.ts'
import { type Skipper, startSkipper } from './skipper.ts'

const SECONDS = 100
const UPLOAD_PIECE = Buffer.alloc(64 * 1024, 'u')
/** In all far more than the sockets on the way hold, so that the reader's pace is that of Skipper's answer. */
const DOWNLOAD = Buffer.alloc(SECONDS * 1_200_000, 'd')
const LIMIT_MS = 600_000

let folder: string
let registry: RegistryProcess
let skipper: Skipper
let withoutFilters: Skipper
const digestOf = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slow-transfers-'))
  registry = await startBareRegistry(folder)
  skipper = await startSkipper(folder, registry.host, LAYER_ANNOTATIONS['zalando.org/skipper-filter'])
  withoutFilters = await startSkipper(folder, registry.host, '')
  const pushed = await upload(registry.host, DOWNLOAD, digestOf(DOWNLOAD))
  expect(pushed.status).toBe(201)
})
afterAll(async () => {
  await withoutFilters[Symbol.asyncDispose]()
  await skipper[Symbol.asyncDispose]()
  await registry.close()
  await rm(folder, { recursive: true, force: true })
})

/** As docker does it: the content in one PATCH, then a PUT that names the digest. */
async function upload(host: string, body: Buffer | ReadableStream, digest: string): Promise<Response> {
  const begun = await fetch(`http://${host}/v2/slow/blobs/uploads/`, { method: 'POST' })
  const locationOf = ({ headers }: Response) => new URL(headers.get('location') ?? '', `http://${host}`)
  const streamed = body instanceof ReadableStream ? { duplex: 'half' } : {}
  const patch = { method: 'PATCH', body, headers: { 'content-type': 'application/octet-stream' }, ...streamed }
  const sent = await fetch(locationOf(begun), patch as RequestInit)
  expect(sent.status, await sent.text()).toBe(202)
  const end = locationOf(sent)
  end.searchParams.set('digest', digest)
  return fetch(end, { method: 'PUT' })
}

/** A piece each second. */
function slowly(piece: Buffer, pieces: number): ReadableStream {
  let sent = 0
  return new ReadableStream({
    async pull(controller) {
      if (sent === pieces) return controller.close()
      await sleep(1000)
      sent += 1
      controller.enqueue(new Uint8Array(piece))
    },
  })
}

/** Reads a hundredth of it each second. @returns how many bytes came */
async function download(host: string): Promise<number> {
  const { body } = await fetch(`http://${host}/v2/slow/blobs/${digestOf(DOWNLOAD)}`)
  const began = performance.now()
  let received = 0
  for await (const chunk of body ?? []) {
    received += chunk.length
    const due = began + (received / DOWNLOAD.length) * SECONDS * 1000
    await sleep(Math.max(0, due - performance.now()))
  }
  return received
}

describe.concurrent(`a layer that takes ${SECONDS} s`, () => {
  it('goes up', { timeout: LIMIT_MS }, async () => {
    const whole = Buffer.concat(Array.from({ length: SECONDS }, () => UPLOAD_PIECE))
    expect((await upload(skipper.host, slowly(UPLOAD_PIECE, SECONDS), digestOf(whole))).status).toBe(201)
  })

  it('comes down', { timeout: LIMIT_MS }, async () => {
    expect(await download(skipper.host)).toBe(DOWNLOAD.length)
  })

  it('is cut without the annotations', { timeout: LIMIT_MS }, async () => {
    await expect(download(withoutFilters.host)).rejects.toThrow()
  })
})

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDownloader, findChecksum } from './download.ts'
import type { Download } from './tools.ts'

// A publisher on loopback: path to answer.
let publisher: Server
let origin: string
let directory: string
let files: Record<string, string | Buffer | ((response: ServerResponse) => void)>
let asked: string[]

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'download-'))
  files = {}
  asked = []
  publisher = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const answer = files[request.url ?? '']
    if (typeof answer === 'function') answer(response)
    else if (answer === undefined) response.writeHead(404).end('Not Found')
    else response.end(answer)
  })
  await new Promise<void>((resolve) => publisher.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(publisher.address() as AddressInfo).port}`
})
afterEach(async () => {
  publisher.closeAllConnections()
  await new Promise((resolve) => publisher.close(resolve))
  await rm(directory, { recursive: true })
})

const command = (): Download[] => [
  { url: `${origin}/v1/tool`, checksums: `${origin}/v1/tool.sha256`, content: { command: 'tool' } },
]
const fetchAll = (downloads = command(), limits = {}) =>
  createDownloader(limits).fetchAll(downloads, join(directory, 'tool'))
const left = () => readdir(join(directory, 'tool')).catch(() => [])

test('a command whose sum matches is there and executable', async () => {
  files['/v1/tool'] = '#!/bin/sh\n'
  files['/v1/tool.sha256'] = sha256('#!/bin/sh\n')
  await fetchAll()
  expect(await readFile(join(directory, 'tool/tool'), 'utf8')).toBe('#!/bin/sh\n')
  expect((await stat(join(directory, 'tool/tool'))).mode & 0o777).toBe(0o755)
})

test('an archive is unpacked without its leading folder', async () => {
  await mkdir(join(directory, 'tool-v1'))
  await writeFile(join(directory, 'tool-v1/tool'), 'program', { mode: 0o755 })
  await promisify(execFile)('tar', ['-czf', join(directory, 'a.tar.gz'), '-C', directory, 'tool-v1'])
  const archive = await readFile(join(directory, 'a.tar.gz'))
  files['/a.tar.gz'] = archive
  files['/SHA256SUMS'] = `${sha256('other')}  other.tar.gz\n${sha256(archive)}  a.tar.gz\n`
  await fetchAll([{ url: `${origin}/a.tar.gz`, checksums: `${origin}/SHA256SUMS`, content: { archive: { strip: 1 } } }])
  expect(await left()).toEqual(['tool'])
})

test('a wrong sum leaves nothing to use', async () => {
  files['/v1/tool'] = 'tampered'
  files['/v1/tool.sha256'] = `${sha256('original')}  tool`
  await expect(fetchAll()).rejects.toThrow(
    `${sha256('tampered')}, but ${origin}/v1/tool.sha256 says ${sha256('original')}`,
  )
  expect(await left()).toEqual([])
})

test('without a sum for the file nothing is fetched', async () => {
  files['/v1/tool'] = 'program'
  files['/v1/tool.sha256'] = `${sha256('program')}  other`
  await expect(fetchAll()).rejects.toThrow('has no SHA-256 sum for tool')
  expect(asked).toEqual(['GET /v1/tool.sha256'])
})

test('a checksum file without end is not read to its end', async () => {
  files['/v1/tool'] = 'program'
  files['/v1/tool.sha256'] = 'x'.repeat(2 * 1024 ** 2)
  await expect(fetchAll()).rejects.toThrow('has more than 1048576 bytes')
})

test('404 is reported', async () => {
  files['/v1/tool.sha256'] = sha256('program')
  await expect(fetchAll()).rejects.toThrow(`${origin}/v1/tool answered 404`)
  expect(await left()).toEqual([])
})

test('a transfer that stalls or breaks off is given up', async () => {
  files['/v1/tool.sha256'] = sha256('program')
  files['/v1/tool'] = (response) => void response.writeHead(200, { 'Content-Length': '7' }).write('prog')
  await expect(fetchAll(command(), { stallSeconds: 0.2 })).rejects.toThrow()
  files['/v1/tool'] = (response) =>
    void response.writeHead(200, { 'Content-Length': '7' }).write('prog', () => response.destroy())
  await expect(fetchAll()).rejects.toThrow()
})

test('a publisher that answers anything is within reach, and is asked once', async () => {
  const downloader = createDownloader()
  expect(await Promise.all([downloader.reaches(command()), downloader.reaches(command())])).toEqual([true, true])
  expect(await downloader.reaches(command())).toBe(true)
  expect(asked).toEqual(['HEAD /'])
})

test('one that does not answer costs no more than the limit, once', async () => {
  files['/'] = () => undefined
  const downloader = createDownloader({ reachSeconds: 0.3 })
  const startedAt = performance.now()
  expect(await Promise.all([downloader.reaches(command()), downloader.reaches(command())])).toEqual([false, false])
  expect(await downloader.reaches(command())).toBe(false)
  expect(performance.now() - startedAt).toBeLessThan(3000)
  expect(asked).toEqual(['HEAD /'])
})

test('checksum files of each publisher', () => {
  const [a, b] = [sha256('a'), sha256('b')]
  expect(findChecksum(`${a}\n`, 'tool')).toBe(a)
  expect(findChecksum(`${a.toUpperCase()}  ./dist/tool.tgz\r\n${b} *other.tgz\r\n`, 'tool.tgz')).toBe(a)
  expect(findChecksum(`${a} *other.tgz\n${b}  tool.tgz`, 'other.tgz')).toBe(a)
  expect(findChecksum(`${a}  tool.tgz.sig\n`, 'tool.tgz')).toBe(undefined)
  expect(findChecksum(`${a}\n${b}\n`, 'tool.tgz')).toBe(undefined)
  expect(findChecksum('<html>Not Found</html>', 'tool.tgz')).toBe(undefined)
})

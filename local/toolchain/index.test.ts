import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Downloader } from './download.ts'
import { ensureTool, ensureTools } from './index.ts'
import { tools } from './tools.ts'

let root: string
let downloader: Downloader
let fetched: string[]
/** What a person sees on standard error. */
let written: string

// A fake Go: prints its version, records its calls, and "builds" whatever is requested.
const fakeGo = `#!/bin/sh
if [ -e "$FAKE/no-go" ]; then echo "go: go.mod requires go >= 99 (running go 1.2.3; GOTOOLCHAIN=local)" >&2; exit 1; fi
if [ "$1" = env ]; then cat "$FAKE/go-version"; exit; fi
echo "$(basename "$PWD") CGO_ENABLED=$CGO_ENABLED $*" >> "$FAKE/go-calls"
[ "$1" = build ] || exit 0
if [ -e "$FAKE/broken" ]; then echo "main.go:1: syntax error" >&2; exit 1; fi
while [ $# -gt 0 ]; do
  case $1 in
    -o) into=$2; shift ;;
    -*|build) ;;
    *) echo program > "$into$(basename "$1")"; chmod 755 "$into$(basename "$1")" ;;
  esac
  shift
done
`

const provide = async (file: string, content: string) => {
  await writeFile(join(root, file), content)
  await chmod(join(root, file), 0o755)
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tools-'))
  await mkdir(join(root, 'bin'))
  await provide('bin/go', fakeGo)
  await provide('go-version', 'go1.99.1\n')
  vi.stubEnv('FAKE', root)
  vi.stubEnv('PATH', `${join(root, 'bin')}${delimiter}${process.env.PATH}`)
  fetched = []
  written = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += text
    return true
  })
  downloader = { reaches: async () => false, fetchAll: async () => {} }
})
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await rm(root, { recursive: true })
})

const options = () => ({
  cache: join(root, 'cache'),
  path: join(root, 'bin'),
  downloader,
})
const goCalls = async () =>
  (await readFile(join(root, 'go-calls'), 'utf8').catch(() => '')).trim().split('\n').filter(Boolean)
const reachable = (sumMatches = true): Downloader => ({
  reaches: async () => true,
  async fetchAll(downloads, directory) {
    await mkdir(directory, { recursive: true })
    for (const { url } of downloads) {
      fetched.push(url)
      if (!sumMatches) throw new Error('the sum is another')
      await writeFile(join(directory, 'crane'), '', { mode: 0o755 })
    }
  },
})

test('takes what is on PATH', async () => {
  await provide('bin/crane', '#!/bin/sh\necho 0.21.0\n')
  expect(await ensureTool('crane', options())).toBe(join(root, 'bin/crane'))
  expect([written, await goCalls()]).toEqual(['', []])
})

test('downloads what is published, once', async () => {
  downloader = reachable()
  const path = await ensureTool('crane', options())
  expect(path).toMatch(/cache\/tools\/crane-0\.20\.6-[a-z]+-[a-z0-9]+\/crane$/)
  expect(await ensureTool('crane', options())).toBe(path)
  expect(fetched).toHaveLength(1)
  expect(await goCalls()).toEqual([])
})

test('builds what could not be downloaded, and says why', async () => {
  downloader = reachable(false)
  expect(await ensureTool('crane', options())).toMatch(/tools\/crane-[0-9a-f]{16}\/crane$/)
  expect(written).toContain('Downloading crane 0.20.6: the sum is another\n')
  expect(await goCalls()).toHaveLength(1)
})

test('builds the tools of a module in one go, and fetches the next module’s sources beside', async () => {
  const paths = await ensureTools(['crane', 'registry', 'coredns'], options())
  for (const path of Object.values(paths)) expect((await stat(path)).mode & 0o111).toBe(0o111)
  const calls = await goCalls()
  expect(calls.toSorted()).toEqual([
    expect.stringMatching(/^cluster CGO_ENABLED=0 build -trimpath -buildvcs=false .* \.\/coredns$/),
    expect.stringMatching(/^cluster CGO_ENABLED=0 list -deps .* \.\/coredns$/),
    expect.stringMatching(/^registry CGO_ENABLED=0 build .* -o \S+\/ \S+\/cmd\/crane \S+\/cmd\/registry$/),
  ])
  expect(written.match(/(?<=… Building ).*(?= from source)/g)).toEqual(['crane, registry', 'coredns'])
  await ensureTools(['coredns', 'registry'], options())
  expect(await goCalls()).toEqual(calls)
})

test('all of Kubernetes is one program with many names, which knows its version', async () => {
  const kubectl = await ensureTool('kubernetes', options())
  for (const command of tools.kubernetes.commands) {
    expect(await readlink(join(kubectl, '..', command))).toBe('hyper')
  }
  expect((await lstat(join(kubectl, '..', 'hyper'))).isFile()).toBe(true)
  expect((await goCalls())[0]).toContain('-ldflags=./hyper=-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4 ')
})

test('a tool of two programs gets both', async () => {
  const buildctl = await ensureTool('buildkit', options())
  expect((await stat(join(buildctl, '../buildkitd'))).mode & 0o111).toBe(0o111)
  const calls = await goCalls()
  expect(calls).toEqual([expect.stringMatching(/^buildkit .* \S+\/cmd\/buildctl \S+\/cmd\/buildkitd$/)])
  for (const program of ['buildctl', 'buildkitd']) expect(calls[0]).toMatch(`/cmd/${program}=-s -w`)
})

test('two runs at once build once', async () => {
  await Promise.all([ensureTool('coredns', options()), ensureTool('coredns', options())])
  expect(await goCalls()).toHaveLength(1)
})

test('another Go builds again', async () => {
  const first = await ensureTool('coredns', options())
  await provide('go-version', 'go1.99.2\n')
  expect(await ensureTool('coredns', options())).not.toBe(first)
})

test('a failed build is reported and leaves nothing behind; neither does a killed one', async () => {
  const remains = join(root, 'cache/tools/partial-killed')
  await mkdir(remains, { recursive: true })
  await provide('broken', '')
  await expect(ensureTool('coredns', options())).rejects.toThrow('main.go:1: syntax error')
  expect(await readdir(join(root, 'cache/tools'))).toEqual(['lock'])
  await rm(join(root, 'broken'))
  expect(await ensureTool('coredns', options())).toMatch(/\/coredns$/)
})

test('names the Go that is needed', async () => {
  await provide('no-go', '')
  await expect(ensureTools(['crane', 'registry'], options())).rejects.toThrow(
    /crane, registry: not on PATH.*Go 1\.\d+\.\d+ or newer is needed/,
  )
})

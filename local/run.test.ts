import { execFile, spawn } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'

// A checkout of its own, with an npm that notes each call and "installs" this process's Node.
let root: string
/** Commands whose file is not in local/. */
const elsewhere = {
  test: 'test/run.ts',
  fuzz: 'test/fuzz/main.ts',
  conformance: 'test/conformance/main.ts',
  explain: 'trust/explain/explain-main.ts',
  bundle: 'service/bundle-main.ts',
}
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'run-'))
  const scripts = Object.values(elsewhere).map(dirname)
  for (const directory of ['local', 'sdks/authentik', 'bin', 'elsewhere', ...scripts]) {
    await mkdir(join(root, directory), { recursive: true })
  }
  await copyFile(join(import.meta.dirname, 'run'), join(root, 'local', 'run'))
  await writeFile(join(root, 'package.json'), '{ "type": "module" }')
  await writeFile(join(root, 'package-lock.json'), '{ "lockfileVersion": 3 }')
  await writeFile(join(root, 'sdks/authentik/index.ts'), '')
  await writeFile(join(root, 'local/show.ts'), 'console.log(JSON.stringify(process.argv.slice(2)), process.version)')
  await writeFile(join(root, 'local/pid.ts'), 'console.log(process.pid)')
  for (const script of Object.values(elsewhere)) {
    await writeFile(join(root, script), `console.log('${script}', ...process.argv.slice(2))`)
  }
  await provide('node', 'echo v20.1.0')
  await provide(
    'npm',
    `echo "$@" >> npm-calls; echo "noise of npm"
     rm -rf node_modules; sleep 0.2; mkdir -p node_modules/.bin sdks/authentik/bin; touch sdks/authentik/bin/index.js
     ln -s ${process.execPath} node_modules/.bin/node`,
  )
})
afterEach(() => rm(root, { recursive: true }))

async function provide(command: string, script: string) {
  await writeFile(join(root, 'bin', command), `#!/bin/sh\n${script}\n`)
  await chmod(join(root, 'bin', command), 0o755)
}
const environment = () => ({ ...process.env, PATH: `${join(root, 'bin')}${delimiter}${process.env.PATH}` })
const run = (...args: string[]) =>
  promisify(execFile)('sh', ['../local/run', ...args], { cwd: join(root, 'elsewhere'), env: environment() })
const npmCalls = async () => (await readFile(join(root, 'npm-calls'), 'utf8')).trim().split('\n')

test('installs once, then runs the command on the Node that was installed, with a clean standard output', async () => {
  const first = await run('show', '--repository', 'a b')
  expect(first.stdout).toBe(`["--repository","a b"] ${process.version}\n`)
  expect(first.stderr).toContain('Installing node_modules')
  const second = await run('show')
  expect(second).toEqual({ stdout: `[] ${process.version}\n`, stderr: '' })
  expect(await npmCalls()).toEqual(['ci --loglevel=error'])
})

test.each(Object.entries(elsewhere))('`%s` is %s', async (command, script) => {
  expect((await run(command, '--stack', 'a b')).stdout).toBe(`${script} --stack a b\n`)
})

test('installs again when the lock file, an SDK or what was compiled from it is another', async () => {
  await run('show')
  await writeFile(join(root, 'package-lock.json'), '{}')
  await run('show')
  await writeFile(join(root, 'sdks/authentik/index.ts'), 'export {}')
  await run('show')
  await rm(join(root, 'sdks/authentik/bin'), { recursive: true })
  await run('show')
  expect(await npmCalls()).toHaveLength(4)
})

test('two at once install once', async () => {
  await Promise.all([run('show'), run('show')])
  expect(await npmCalls()).toHaveLength(1)
})

test('an install that failed is tried again', async () => {
  const npm = await readFile(join(root, 'bin/npm'), 'utf8')
  await provide('npm', 'mkdir -p node_modules; echo "registry is away" >&2; exit 1')
  await expect(run('show')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('registry is away') })
  await writeFile(join(root, 'bin/npm'), npm)
  expect((await run('show')).stderr).toContain('Installing')
})

test('names the Node that is needed', async () => {
  await provide('node', 'echo v18.20.1')
  await expect(run('show')).rejects.toMatchObject({
    stderr: expect.stringContaining('20 or newer with npm is needed, found: 18'),
  })
})

test('without a Node from npm, the machine’s own has to be new enough', async () => {
  await provide('npm', 'mkdir -p node_modules sdks/authentik/bin; touch sdks/authentik/bin/index.js')
  await expect(run('show')).rejects.toMatchObject({
    stderr: expect.stringMatching(/24 or newer is needed; .* PATH is 20/),
  })
  await rm(join(root, 'bin/node'))
  await symlink(process.execPath, join(root, 'bin/node'))
  expect((await run('show')).stdout).toContain(process.version)
})

test('says when there is no such command', async () => {
  await expect(run('../evil')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no command '../evil'"),
  })
  await expect(run()).rejects.toMatchObject({ code: 1 })
})

test('is replaced by the command, so that a signal reaches it', async () => {
  await run('show')
  const child = spawn('sh', ['local/run', 'pid'], {
    cwd: root,
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  for await (const chunk of child.stdout) printed += chunk
  expect(Number(printed)).toBe(child.pid)
})

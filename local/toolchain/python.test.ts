import { chmod, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensurePython } from './python.ts'

// A Python that notes what it is asked and makes "environments" that hold a copy of itself.
const fakePython = (directory: string) => `#!/bin/sh
echo "$@" >> ${directory}/calls
case "$1 $2" in
  "-c "*) cat ${directory}/version ;;
  "-m venv")
    if [ -e ${directory}/no-venv ]; then echo "Error: ensurepip is not available" >&2; exit 1; fi
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip") [ ! -e ${directory}/bad-hash ] || { echo "THESE PACKAGES DO NOT MATCH THE HASHES" >&2; exit 1; } ;;
esac
`

let directory: string
let python: string
let requirements: string
const ensure = () => ensurePython({ cache: join(directory, 'cache'), requirements, python })
const installs = async () =>
  (await readFile(join(directory, 'calls'), 'utf8')).split('\n').filter((line) => line.startsWith('-m pip'))

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'python-'))
  python = join(directory, 'python3')
  requirements = join(directory, 'requirements.txt')
  await writeFile(python, fakePython(directory))
  await chmod(python, 0o755)
  await writeFile(requirements, 'pyjwt==2.10.1 --hash=sha256:00\n')
  await writeFile(join(directory, 'version'), '/usr/bin/python3 3.11.7 (main) [GCC 12.2.0]\n')
})
afterEach(() => rm(directory, { recursive: true }))

test('makes the environment once, with hashes required', async () => {
  expect(await ensure()).toBe(join(directory, 'cache', 'python', 'bin', 'python'))
  await ensure()
  expect(await installs()).toEqual([expect.stringContaining('--require-hashes')])
})

test('two at once make one', async () => {
  await Promise.all([ensure(), ensure()])
  expect(await installs()).toHaveLength(1)
})

test('other requirements or another Python make another one under the same path', async () => {
  const path = await ensure()
  const links = [await readlink(join(directory, 'cache', 'python'))]
  await writeFile(requirements, 'pyjwt==2.10.2 --hash=sha256:00\n')
  expect(await ensure()).toBe(path)
  links.push(await readlink(join(directory, 'cache', 'python')))
  await writeFile(join(directory, 'version'), '/usr/bin/python3 3.14.0 (main) [GCC 14.2.0]\n')
  await ensure()
  links.push(await readlink(join(directory, 'cache', 'python')))
  expect(new Set(links).size).toBe(3)
})

test('a failed install is not taken for an environment', async () => {
  await writeFile(join(directory, 'bad-hash'), '')
  await expect(ensure()).rejects.toThrow('DO NOT MATCH THE HASHES')
  await rm(join(directory, 'bad-hash'))
  await ensure()
  expect(await installs()).toHaveLength(2)
})

test('says what to install when Python, its venv module or its version is not there', async () => {
  await expect(ensurePython({ python: join(directory, 'none'), requirements })).rejects.toThrow(
    'apt-get install python3',
  )
  await writeFile(join(directory, 'no-venv'), '')
  await expect(ensure()).rejects.toThrow('apt-get install python3-venv')
  await writeFile(join(directory, 'version'), '/usr/bin/python3 3.9.2 (default) [GCC 10.2.1]\n')
  await expect(ensure()).rejects.toThrow('Python 3.11 or newer is needed')
})

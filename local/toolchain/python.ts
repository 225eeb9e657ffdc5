/**
 * The Python environment in which the expressions run and are tested on this machine: authentik runs them with its
 * own Python, the stand-in and the tests with this one.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../paths.ts'
import { Stop, say, step } from '../steps.ts'
import { CommandError, run } from './command.ts'
import { withLock } from './lock.ts'

const requirementsFile = join(import.meta.dirname, 'python', 'requirements.txt')

/** The oldest Python for which requirements.txt is resolved; Debian 12 has it. */
const OLDEST_PYTHON = '3.11'
const INSTALL_LIMIT_SECONDS = 300
const ASK_LIMIT_SECONDS = 20

export interface PythonOptions {
  cache?: string
  requirements?: string
  /** The interpreter that the environment is made from. */
  python?: string
}

/**
 * Makes the environment when it is missing or when requirements.txt or the system's Python has changed.
 *
 * @returns the path of its `python`, which stays the same over all versions of the environment
 * @throws when Python or its `venv` module is missing (the message says what to install), or a package's hash differs
 */
export async function ensurePython(options: PythonOptions = {}): Promise<string> {
  const { cache = cacheDir, requirements = requirementsFile, python = 'python3' } = options
  const stablePath = join(cache, 'python')
  const interpreter = join(stablePath, 'bin', 'python')
  const version = await askVersion(python)
  const key = createHash('sha256')
    .update(JSON.stringify([version, await readFile(requirements, 'utf8')]))
    .digest('hex')
    .slice(0, 16)
  const name = `python-${key}`
  const ready = async () => (await readlink(stablePath).catch(() => '')) === name && existsSync(interpreter)
  if (await ready()) return interpreter

  await withLock(
    join(cache, 'python.lock'),
    async () => {
      if (await ready()) return
      await step(
        'Python environment (PyJWT, pytest, hypothesis, ruff)',
        () => createEnvironment(python, join(cache, name), requirements),
        { takesMinutes: true },
      )
      await pointTo(name, stablePath)
    },
    {
      limitSeconds: INSTALL_LIMIT_SECONDS,
      onWait: () => say('Waiting for another run that makes the Python environment'),
    },
  )
  return interpreter
}

async function askVersion(python: string): Promise<string> {
  const version = await run([python, '-c', 'import sys; print(sys.executable, sys.version)'], {
    timeoutSeconds: ASK_LIMIT_SECONDS,
  }).catch((cause) => {
    throw new Stop(
      `Python ${OLDEST_PYTHON} or newer is needed as ${python}. On Debian: apt-get install python3 python3-venv`,
      {
        cause,
      },
    )
  })
  const [, major, minor] = /(\d+)\.(\d+)\.\d/.exec(version) ?? []
  if (Number(major) !== 3 || Number(minor) < Number(OLDEST_PYTHON.split('.')[1])) {
    throw new Stop(`Python ${OLDEST_PYTHON} or newer is needed, ${python} is ${version}`)
  }
  return version
}

/** An environment cannot be moved once made (its scripts hold its path), so the symlink says whether it is complete. */
async function createEnvironment(python: string, directory: string, requirements: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  try {
    await run([python, '-m', 'venv', directory], { timeoutSeconds: INSTALL_LIMIT_SECONDS })
  } catch (error) {
    if (!(error instanceof CommandError) || !/ensurepip|No module named '?venv/.test(error.message)) throw error
    throw new Stop('Python is there, but not its venv module. On Debian: apt-get install python3-venv', {
      cause: error,
    })
  }
  await run(
    [
      join(directory, 'bin', 'python'),
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'],
      ...['--require-hashes', '--only-binary', ':all:', '--requirement', requirements],
    ],
    { timeoutSeconds: INSTALL_LIMIT_SECONDS },
  )
}

/** Replaces a symlink in one step: a reader sees the old environment or the new one, never none. */
async function pointTo(target: string, link: string): Promise<void> {
  const next = `${link}.${process.pid}`
  await rm(next, { force: true })
  await symlink(target, next)
  await rename(next, link)
}

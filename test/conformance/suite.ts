/** The conformance suite of the OCI distribution specification, a program of its own, run against one registry. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandError, run } from '../../local/toolchain/command.ts'
import { ensureTool } from '../../local/toolchain/index.ts'
import { type Report, readReport } from './report.ts'

/** Two repositories, since the suite also mounts blobs of one into the other. */
export interface Subject {
  /** `host:port`, without TLS. */
  registry: string
  repositories: readonly [string, string]
  /** What a client types at a login. */
  login?: { user: string; password: string }
}

/** It takes 6 s on an idle machine. */
const LIMIT_SECONDS = 240

/**
 * Runs every test that the suite switches on by itself.
 * @throws Error with the suite's own words when it writes no report
 */
export async function runSuite({ registry, repositories, login }: Subject): Promise<Report> {
  const suite = await ensureTool('conformance')
  const results = await mkdtemp(join(tmpdir(), 'conformance-'))
  const environment = {
    OCI_RESULTS_DIR: results,
    OCI_REGISTRY: registry,
    OCI_TLS: 'disabled',
    OCI_REPO1: repositories[0],
    OCI_REPO2: repositories[1],
    OCI_USERNAME: login?.user ?? '',
    OCI_PASSWORD: login?.password ?? '',
  }
  try {
    // It fails as soon as one test does; what counts is the report. A configuration file would be in the folder it runs
    // in.
    const failure = await run([suite], { cwd: results, environment, timeoutSeconds: LIMIT_SECONDS }).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof CommandError) return error
        throw error
      },
    )
    const text = await readFile(join(results, 'junit.xml'), 'utf8').catch(() => undefined)
    if (text === undefined) {
      throw new Error(`the conformance suite wrote no report on ${registry}`, { cause: failure })
    }
    return readReport(text)
  } finally {
    await rm(results, { recursive: true, force: true })
  }
}

/** The conformance suite through ingress and token service, and once more at the same registry without either. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ciUser } from '../../local/proof/clients.ts'
import { jobToken, registry } from '../e2e/job.ts'
import { startBareRegistry } from '../engine/registry-process.ts'
import type { Report } from './report.ts'
import { runSuite } from './suite.ts'
import { judge, type Verdict } from './verdict.ts'

/** Whose jobs may also delete there, by a rule of stacks/Pulumi.local.yaml. */
const REPOSITORY = 'acme/conformance'
const repositories = [`${REPOSITORY}/one`, `${REPOSITORY}/two`] as const

export interface Conformance {
  verdict: Verdict
  tested: Report
  bare: Report
}

/** To be run beside a local world that is up. */
export async function conformance(): Promise<Conformance> {
  const bare = await runBare()
  const login = { user: ciUser, password: await jobToken('github', REPOSITORY) }
  const tested = await runSuite({ registry, repositories, login })
  return { verdict: judge(tested, bare), tested, bare }
}

async function runBare(): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'bare-registry-'))
  try {
    const bare = await startBareRegistry(folder)
    try {
      return await runSuite({ registry: bare.host, repositories })
    } finally {
      await bare.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * The bundle of the token service, with limits as an argument, built once for a whole run of the tests: a second of
 * processor time for each file of tests otherwise. Vitest starts this before the tests of a project and hands them the
 * folder.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { bundleService } from '../service/bundle.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder with the files of the bundle; tests read it and never write to it. */
    serviceBundle: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'token-service-'))
  for (const [name, text] of Object.entries(await bundleService('test/service-main.ts')))
    await writeFile(join(dir, name), text)
  project.provide('serviceBundle', dir)
  return () => rm(dir, { recursive: true, force: true })
}

/**
 * The real definitions of the Prometheus operator's kinds, made from its Go types by the program with which its own
 * build makes them: its module with the finished ones is not to be had everywhere.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { MONITORING_API, monitoringKinds } from '../../infra/monitoring/kinds.ts'
import type { Manifest } from '../../local/kubernetes/addons/addon.ts'
import { run } from '../../local/toolchain/command.ts'
import { goModule } from '../../local/toolchain/go-module.ts'
import { ensureTool } from '../../local/toolchain/index.ts'

const TYPES = 'github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring'
/** It reads the types' sources, which Go may have to fetch first. */
const LIMIT_SECONDS = 170

/** The CustomResourceDefinitions of the kinds that the stack has objects of. */
export async function monitoringDefinitions(): Promise<Manifest[]> {
  const generator = await ensureTool('controllergen')
  const folder = await mkdtemp(join(tmpdir(), 'definitions-'))
  try {
    await run([generator, 'crd:maxDescLen=0', `paths=${TYPES}/${MONITORING_API.version}`, `output:crd:dir=${folder}`], {
      ...goModule('monitoring'),
      timeoutSeconds: LIMIT_SECONDS,
    })
    const files = (await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8'))
    const made = (await Promise.all(files)).map(
      (text) => parse(text) as Manifest & { spec: { names: { kind: string } } },
    )
    return made.filter(({ spec }) => (monitoringKinds as readonly string[]).includes(spec.names.kind))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The kubelet sets kernel parameters of the whole machine; they are put back when the cluster stops. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Layout } from './layout.ts'

/** `setupKernelTunables` in Kubernetes' pkg/kubelet/cm/container_manager_linux.go. */
const NAMES = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]

/** Where the values from before the start are kept while the cluster runs. */
export function sysctlsFile({ run }: Layout): string {
  return join(run, 'sysctls.json')
}

/** Remembers the present values, unless values are remembered already. */
export async function saveSysctls(layout: Layout): Promise<void> {
  const values = await Promise.all(NAMES.map(async (name) => [name, await readFile(path(name), 'utf8')]))
  await writeFile(sysctlsFile(layout), JSON.stringify(Object.fromEntries(values)), { flag: 'wx' }).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
}

/** Puts the remembered values back and forgets them. */
export async function restoreSysctls(layout: Layout): Promise<void> {
  const text = await readFile(sysctlsFile(layout), 'utf8').catch(() => undefined)
  if (text === undefined) return
  const saved = JSON.parse(text) as Record<string, string>
  await Promise.all(NAMES.map((name) => saved[name] !== undefined && writeFile(path(name), saved[name])))
  await rm(sysctlsFile(layout))
}

function path(name: string): string {
  return join('/proc/sys', name)
}

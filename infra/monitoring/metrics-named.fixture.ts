/** Which metrics alerts and dashboard name, and the documented way to scrape them, for the tests that look for both. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { alertsOf } from './alerts.ts'
import { rowsOf } from './panels.ts'

/** Of the kubelet, cert-manager and Prometheus itself. */
export const OTHERS = [
  ...['available_bytes', 'capacity_bytes', 'used_bytes', 'inodes', 'inodes_free'].map(
    (name) => `kubelet_volume_stats_${name}`,
  ),
  'certmanager_certificate_expiration_timestamp_seconds',
  'up',
]

/** Every expression, with what it is of. */
export function expressions(namespace: string): { of: string; expr: string }[] {
  return [
    ...alertsOf(namespace).map(({ name, expr }) => ({ of: name, expr })),
    ...rowsOf(namespace).flatMap(({ panels }) =>
      panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ of: title, expr }))),
    ),
  ]
}

/** Each of our selectors has labels. */
export const metricsIn = (of: readonly { expr: string }[]): string[] => [
  ...new Set(of.flatMap(({ expr }) => [...expr.matchAll(/([a-zA-Z_]\w*)\{/g)].map(([, name = '']) => name))),
]

/**
 * The scrape configuration in docs/monitoring.md, with a file in place of the cluster's API.
 *
 * @param targetsFile lists pods as Prometheus finds them, with the labels `__meta_kubernetes_...`
 * @param more of the scrape configuration, such as how to reach the pods
 */
export async function documentedScrape(targetsFile: string, more: object = {}): Promise<string> {
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'monitoring.md'), 'utf8')
  const [, block = ''] = /^```yaml\n(scrape_configs:.*?)^```/ms.exec(page) ?? []
  const { scrape_configs: configs, ...rest } = parse(block)
  const [{ kubernetes_sd_configs: _, ...scrape }] = configs
  return stringify({ ...rest, scrape_configs: [{ ...scrape, file_sd_configs: [{ files: [targetsFile] }], ...more }] })
}

/** A real Prometheus, which reads its targets as the documentation says, and has the stack's alerts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { alertRules } from '../../infra/monitoring/alerts.ts'
import { documentedScrape } from '../../infra/monitoring/metrics-named.fixture.ts'
import { freePort } from '../engine/api-server.ts'

export const NAMESPACE = 'passwordless-registry'
const READY_LIMIT_MS = 60_000

/** A port of a pod, as Prometheus' discovery tells of it. */
export interface Target {
  /** The pod's label `app.kubernetes.io/name`. */
  name: string
  pod: string
  portName: string
  /** Where it is reached: `host:port`. */
  address: string
  path?: string
}

export interface PrometheusArgs {
  /** How often it looks. */
  everySeconds: number
  targets: readonly Target[]
  /** More of the scrape configuration, such as `scheme`, and the files that it names. */
  scrape?: object
  files?: Readonly<Record<string, Buffer>>
}

/** One series of an answer. */
export interface Found {
  metric: Readonly<Record<string, string>>
  /** Of an instant query. */
  value?: [seconds: number, value: string]
  /** Of a range query. */
  values?: [seconds: number, value: string][]
}

export interface Prometheus extends AsyncDisposable {
  /** @throws where Prometheus does not take the expression */
  query(expr: string): Promise<Found[]>
  queryRange(expr: string, range: { start: number; end: number; step: number }): Promise<Found[]>
  /** Of its HTTP API, such as `rules`. */
  api<Data>(path: string): Promise<Data>
}

/** Starts it on a free port of loopback. */
export async function startPrometheus({
  everySeconds,
  targets,
  scrape,
  files = {},
}: PrometheusArgs): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'))
  const interval = `${everySeconds}s`
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content, { mode: 0o600 })
  await writeFile(join(folder, 'pods.json'), JSON.stringify(targets.map(discovered)))
  const { groups } = alertRules({ namespace: NAMESPACE, documents: undefined })
  await writeFile(join(folder, 'rules.yml'), stringify({ groups: groups.map((group) => ({ ...group, interval })) }))
  const config = await documentedScrape('pods.json', { scrape_interval: interval, scrape_timeout: interval, ...scrape })
  await writeFile(join(folder, 'prometheus.yml'), `rule_files: [rules.yml]\n${config}`)

  const port = await freePort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  const ended = once(child, 'exit')
  const close = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  const limit = Date.now() + READY_LIMIT_MS
  while (
    !(await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > limit) {
      await close()
      throw new Error(`Prometheus did not start:\n${said}`)
    }
    await sleep(100)
  }
  const api = async <Data>(path: string, query: Record<string, string> = {}): Promise<Data> => {
    const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`)
    const { status, data, error } = (await answer.json()) as { status: string; data: Data; error?: string }
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(query)}: ${error}`)
    return data
  }
  type Answer = { result: Found[] }
  return {
    query: async (expr) => (await api<Answer>('query', { query: expr })).result,
    queryRange: async (expr, { start, end, step }) =>
      (await api<Answer>('query_range', { query: expr, start: `${start}`, end: `${end}`, step: `${step}` })).result,
    api,
    [Symbol.asyncDispose]: close,
  }
}

const discovered = ({ name, pod, portName, address, path = '/metrics' }: Target) => ({
  targets: [address],
  labels: {
    __meta_kubernetes_namespace: NAMESPACE,
    __meta_kubernetes_pod_name: pod,
    __meta_kubernetes_pod_container_port_name: portName,
    __meta_kubernetes_pod_label_app_kubernetes_io_name: name,
    __metrics_path__: path,
  },
})

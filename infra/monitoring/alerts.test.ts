/**
 * Each alert in promtool, on series as Prometheus would have them: it fires in time, and does not on those beside it.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { probeMetrics, STRANGER_SECONDS } from '../../prober/measured.ts'
import { limits } from '../../service/limits.ts'
import { ALERT_PREFIX, alertRules } from './alerts.ts'
import { documentedScrape } from './metrics-named.fixture.ts'
import { LOOK_SECONDS } from './monitors.ts'

const namespace = 'stack'
const rules = alertRules({ namespace, documents: undefined })
const DAY = 86_400

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alerts-'))
  await writeFile(join(folder, 'rules.yml'), stringify(rules))
  // promtool evaluates each rule of a file at each step.
  for (const [alert, of] of Map.groupBy(rules.groups[0]?.rules ?? [], ({ alert }) => alert)) {
    const file = join(folder, `${alert.slice(ALERT_PREFIX.length)}.rules.yml`)
    await writeFile(file, stringify({ groups: [{ ...rules.groups[0], rules: of }] }))
  }
})
afterAll(() => rm(folder, { recursive: true }))

const promtool = (...args: string[]) => promisify(execFile)('promtool', args, { cwd: folder })

/** Values by metric and labels, in promtool's notation, one for each look of Prometheus; the namespace is added. */
type Series = Readonly<Record<string, string>>

/** What is expected at a time: the labels of the rules that fire, and those that the series bring. */
interface At {
  time: string
  fire?: readonly Readonly<Record<string, string>>[]
}

const withNamespace = (name: string) => {
  const [metric, labels = '}'] = name.split('{')
  return `${metric}{namespace="${namespace}"${labels === '}' ? '' : ','}${labels}`
}

/** Runs an alert on each of the series. @throws with promtool's words where it is otherwise than expected */
async function look(name: string, ...worlds: readonly (readonly [series: Series, expected: readonly At[]])[]) {
  const alertname = `${ALERT_PREFIX}${name}`
  const firing = (wanted: Readonly<Record<string, string>>) => {
    const rule = rules.groups[0]?.rules.find(
      ({ alert, labels }) =>
        alert === alertname && Object.entries(labels).every(([label, value]) => (wanted[label] ?? value) === value),
    )
    if (rule === undefined) throw new Error(`no rule ${alertname} with ${JSON.stringify(wanted)}`)
    const labels = { ...rule.labels, ...wanted }
    const text = (template: string) =>
      template.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => String(labels[label as 'severity']))
    return {
      exp_labels: labels,
      exp_annotations: Object.fromEntries(Object.entries(rule.annotations).map(([key, value]) => [key, text(value)])),
    }
  }
  const test = {
    rule_files: [`${name}.rules.yml`],
    evaluation_interval: `${LOOK_SECONDS}s`,
    tests: worlds.map(([series, expected]) => ({
      interval: `${LOOK_SECONDS}s`,
      input_series: Object.entries(series).map(([key, values]) => ({ series: withNamespace(key), values })),
      alert_rule_test: expected.map(({ time, fire = [] }) => ({
        eval_time: time,
        alertname,
        exp_alerts: fire.map(firing),
      })),
    })),
  }
  const file = join(folder, `${crypto.randomUUID()}.yml`)
  await writeFile(file, stringify(test))
  await promtool('test', 'rules', file)
}

it('are rules that Prometheus takes', async () => {
  const { stdout } = await promtool('check', 'rules', 'rules.yml')
  expect(stdout).toContain(`SUCCESS: ${rules.groups[0]?.rules.length} rules found`)
})

it('and so is the scrape configuration in docs/monitoring.md', async () => {
  // Debian's Prometheus is built without a way to ask Kubernetes for pods; a file may name them as well.
  await writeFile(join(folder, 'prometheus.yml'), await documentedScrape(join(folder, 'pods.json')))
  await writeFile(join(folder, 'pods.json'), '[]')
  const { stdout } = await promtool('check', 'config', 'prometheus.yml')
  expect(stdout).toContain('SUCCESS: prometheus.yml is valid')
})

describe('in time', () => {
  it('tells of a silent authentik within two minutes', () => {
    expect(limits.authentikSilentMs / 1000 + 2 * LOOK_SECONDS).toBeLessThanOrEqual(120)
  })

  it('tells of a stranger who gets in within one', () => {
    // To the next try, to the next look at what it found, and to the next look at the rules; a try takes a second.
    expect(STRANGER_SECONDS + 2 * LOOK_SECONDS).toBeLessThanOrEqual(55)
  })
})

describe.each([
  ['token-service', 'token_service_request_duration_seconds_count', 'outcome="granted"', 'outcome="failed"'],
  ['registry', 'registry_http_requests_total', 'code="200"', 'code="500"'],
])('RequestsFail of the %s', (part, metric, good, bad) => {
  const series = (granted: string, failed: string) => ({
    [`${metric}{${good}}`]: granted,
    [`${metric}{${bad}}`]: failed,
  })
  const windows = (...names: string[]) => names.map((window) => ({ part, window }))

  it('fires by how much of them fails, over three windows', () => {
    const shares: [granted: string, failed: string, windows: string[]][] = [
      ['0+10x400', '0+5x400', ['1h', '6h', '3d']], // a third
      ['0+96x400', '0+4x400', ['6h', '3d']], // 4 %
      ['0+99x400', '0+1x400', ['3d']], // 1 %
      ['0+999x400', '0+1x400', []],
      ['0+10x400', '0x400', []],
      ['0 1 1 2x400', '0 1 2 3x400', []], // three of five
    ]
    const at30m = (names: readonly string[]) => [{ time: '30m', fire: windows(...names) }]
    return look('RequestsFail', ...shares.map(([granted, failed, of]) => [series(granted, failed), at30m(of)] as const))
  })

  it('stops soon after the failures have stopped', () =>
    look('RequestsFail', [
      series('0+10x40 410+10x400', '0+10x40 400x400'),
      [
        { time: '10m', fire: windows('1h', '6h', '3d') },
        { time: '16m', fire: windows('6h', '3d') },
      ],
    ]))
})

const refused = (reason: string) => `token_service_requests_total{outcome="refused",reason="${reason}"}`
const volume = (name: string) => `kubelet_volume_stats_${name}{persistentvolumeclaim="registry"}`
const pending = (endpoint: string) => `registry_notifications_pending_total{endpoint="${endpoint}"}`
const answers = (code: string) => `registry_notifications_status_total{endpoint="url",code="${code}"}`
const claim = { persistentvolumeclaim: 'registry' }
const certificateEnds = 'certmanager_certificate_expiration_timestamp_seconds'
const roomy = {
  [volume('inodes_free')]: '90x600',
  [volume('inodes')]: '100x600',
  [volume('capacity_bytes')]: '1000x600',
}
const bothUp = { 'up{job="token-service"}': '1x40', 'up{job="registry"}': '1x40' }

type Case = [name: string, what: string, sick: Series, expected: readonly At[], well: Series]

const cases: readonly Case[] = [
  [
    'IsDown',
    'no pod answers',
    { ...bothUp, 'up{job="registry"}': '1x4 0x40' },
    [{ time: '1m' }, { time: '150s', fire: [{ part: 'registry' }] }],
    bothUp,
  ],
  [
    'IsDown',
    'nothing is scraped',
    { 'up{job="another"}': '1x40' },
    [{ time: '150s', fire: [{ part: 'token-service' }, { part: 'registry' }] }],
    bothUp,
  ],
  [
    'AuthentikSilent',
    'one pod has no answer for a minute',
    { 'token_service_upstream_up{pod="a"}': '1x4 0x40', 'token_service_upstream_up{pod="b"}': '1x40' },
    [{ time: '1m' }, { time: '75s', fire: [{}] }],
    { token_service_upstream_up: '1x40' },
  ],
  [
    'KeysDisagree',
    'authentik signs with another key',
    { token_service_registry_keys_match: '1x2 0x40' },
    [{ time: '30s' }, { time: '75s', fire: [{}] }],
    { token_service_registry_keys_match: '1x40' },
  ],
  [
    'SourceKeyNotFresh',
    'authentik takes no token of a key',
    { [refused('key_refused')]: '0x4 1x100' },
    [{ time: '1m' }, { time: '75s', fire: [{}] }, { time: '20m' }],
    { [refused('key_refused')]: '0x40', [refused('no_rule_matches')]: '0+9x40' },
  ],
  [
    'SourceKeyHeldTwice',
    'two issuers have one key id',
    { [refused('key_ambiguous')]: '0x4 1x100' },
    [{ time: '1m' }, { time: '75s', fire: [{}] }, { time: '20m' }],
    { [refused('key_ambiguous')]: '0x40', [refused('signature_invalid')]: '0+9x40' },
  ],
  [
    'StrangerGotIn',
    'it got in once',
    { [probeMetrics.admitted]: '0x3 1x1 0x100' },
    [{ time: '45s' }, { time: '1m', fire: [{}] }, { time: '5m', fire: [{}] }, { time: '10m' }],
    { [probeMetrics.admitted]: '0x40' },
  ],
  [
    'ProbeFails',
    'nothing can be pushed for two minutes',
    {
      [`${probeMetrics.success}{probe="push"}`]: '1x4 0x40',
      [`${probeMetrics.success}{probe="stranger"}`]: '1x40',
    },
    [{ time: '3m' }, { time: '210s', fire: [{ probe: 'push' }] }],
    { [`${probeMetrics.success}{probe="push"}`]: '1x4 0x4 1x40' },
  ],
  [
    'ProbeStopped',
    'it had no success for five minutes, and no failure',
    {
      [`${probeMetrics.lastSuccess}{probe="stranger"}`]: '0x100',
      [`${probeMetrics.success}{probe="stranger"}`]: '1x100',
    },
    [{ time: '5m' }, { time: '6m', fire: [{ probe: 'stranger' }] }],
    {
      [`${probeMetrics.lastSuccess}{probe="stranger"}`]: '0+15x100',
      [`${probeMetrics.success}{probe="stranger"}`]: '1x100',
    },
  ],
  [
    'ProbeStopped',
    'it has, but not while the registry is cleaned up',
    {},
    [{ time: '6m' }],
    {
      [`${probeMetrics.lastSuccess}{probe="push"}`]: '0x100',
      [`${probeMetrics.success}{probe="push"}`]: '1x100',
      [probeMetrics.paused]: '1x100',
    },
  ],
  [
    'StorageFull',
    'room is short',
    { ...roomy, [volume('available_bytes')]: '60x2 40x100' },
    [{ time: '1m' }, { time: '2m', fire: [claim] }],
    { ...roomy, [volume('available_bytes')]: '60x100' },
  ],
  [
    'StorageFull',
    'files are many',
    { ...roomy, [volume('inodes_free')]: '4x100', [volume('available_bytes')]: '600x100' },
    [{ time: '2m', fire: [claim] }],
    // A file system without a fixed number of them.
    { ...roomy, [volume('inodes_free')]: '0x100', [volume('inodes')]: '0x100', [volume('available_bytes')]: '600x100' },
  ],
  [
    'StorageFillsUp',
    'it goes on like this',
    { ...roomy, [volume('available_bytes')]: '290-0.02x600' },
    [{ time: '30m' }, { time: '70m', fire: [claim] }],
    { ...roomy, [volume('available_bytes')]: '290x600' },
  ],
  [
    'EventsWait',
    'the container that writes them does not run',
    { [pending('stream')]: '0x4 1+1x100', [pending('url')]: '0x100' },
    [{ time: '10m' }, { time: '12m', fire: [{ severity: 'critical', endpoint: 'stream' }] }],
    // Busy: some wait at each look but one in five minutes.
    { [pending('stream')]: `${'9x18 0 '.repeat(6)}`, [pending('url')]: '0x100' },
  ],
  [
    'EventsWait',
    'the URL of one pod takes nothing',
    { [pending('url')]: '0x4 3x100', [`${pending('url').slice(0, -1)},pod="b"}`]: '0x100' },
    [{ time: '10m' }, { time: '12m', fire: [{ severity: 'warning', endpoint: 'url' }] }],
    // A pod that has just started with one.
    { [pending('url')]: '_x38 1x4 0x100' },
  ],
  [
    'EventsDropped',
    'the first of a pod',
    { [answers('202 Accepted')]: '_x4 1x100', [answers('204 No Content')]: '0+1x100' },
    [
      { time: '45s' },
      { time: '75s', fire: [{ endpoint: 'url' }] },
      { time: '9m', fire: [{ endpoint: 'url' }] },
      { time: '20m' },
    ],
    { [answers('503 Service Unavailable')]: '0+1x100', [answers('204 No Content')]: '0+1x100' },
  ],
  [
    'EventsDropped',
    'another one',
    { [answers('202 Accepted')]: '7x60 8x100' },
    [{ time: '14m' }, { time: '16m', fire: [{ endpoint: 'url' }] }, { time: '26m' }],
    { [answers('202 Accepted')]: '7x120' },
  ],
  [
    'CertificateExpires',
    'ten days are left',
    { [certificateEnds]: `${10 * DAY}x100` },
    [{ time: '4m' }, { time: '6m', fire: [{ severity: 'warning' }] }],
    { [certificateEnds]: `${30 * DAY}x100` },
  ],
  [
    'CertificateExpires',
    'two days are left, and Prometheus has renamed the label',
    { [`${certificateEnds}{exported_namespace="${namespace}"}`]: `${2 * DAY}x100` },
    [{ time: '6m', fire: [{ severity: 'critical' }, { severity: 'warning' }] }],
    { [`${certificateEnds}{exported_namespace="${namespace}"}`]: `${30 * DAY}x100` },
  ],
  [
    'KeyIsOld',
    'it is from the year before',
    { token_service_registry_key_created_timestamp_seconds: `${-400 * DAY}x600` },
    [{ time: '30m' }, { time: '62m', fire: [{}] }],
    { 'token_service_registry_key_created_timestamp_seconds{pod="a"}': `${-100 * DAY}x600` },
  ],
  [
    'RulesRefused',
    'the file cannot be used',
    { token_service_trust_file_rejected: '0x2 1x40' },
    [{ time: '1m' }, { time: '2m', fire: [{}] }],
    { token_service_trust_file_rejected: '0x40' },
  ],
  [
    'RulesDisagree',
    'authentik allows more for ten minutes',
    { 'token_service_disagreements_total{kind="authentik_allows"}': '0+1x100' },
    [{ time: '4m' }, { time: '11m', fire: [{}] }],
    // Once, while new rules are on their way.
    { 'token_service_disagreements_total{kind="authentik_allows"}': '0x4 1x100' },
  ],
]

it.each(cases)('%s: %s', (name, _, sick, expected, well) =>
  look(name, [sick, expected], [well, expected.map(({ time }) => ({ time }))]),
)

it('KeyIsOld says nothing where the age is not known', () =>
  look('KeyIsOld', [
    { token_service_registry_key_created_timestamp_seconds: Array(260).fill('NaN').join(' ') },
    [{ time: '62m' }],
  ]))

it('none is without its test', () => {
  const names = new Set(rules.groups[0]?.rules.map(({ alert }) => alert.slice(ALERT_PREFIX.length)))
  expect(new Set(['RequestsFail', ...cases.map(([name]) => name)])).toEqual(names)
})

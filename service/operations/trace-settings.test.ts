import { describe, expect, it } from 'vitest'
import { readTraceSettings } from './trace-settings.ts'

function read(env: Record<string, string>) {
  const warnings: string[] = []
  return { settings: readTraceSettings(env, (message) => warnings.push(message)), warnings }
}

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

describe('readTraceSettings', () => {
  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, 'http://collector:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example/otlp/' }, 'https://collector.example/otlp/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/my/path' }, 'http://collector:4318/my/path'],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ' http://other/ ' }, 'http://other/'],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, 'http://collector:4318/v1/traces'],
  ])('sends %j to %s', (env, url) => {
    expect(read(env)).toEqual({ settings: { url, sampler: { ratio: 1, byParent: true } }, warnings: [] })
  })

  it.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' },
    { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' },
    { ...endpoint, OTEL_TRACES_EXPORTER: 'none' },
  ])('is off with %j', (env) => {
    expect(read(env)).toEqual({ settings: undefined, warnings: [] })
  })

  it.each([
    { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'hunter2:4318' },
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'hunter2' },
  ])('is off with %j, and says why without the value', (env) => {
    const { settings, warnings } = read(env)
    expect(settings).toBeUndefined()
    expect(warnings).toEqual([expect.stringMatching(/^No traces: OTEL_EXPORTER_OTLP_/)])
    expect(warnings.join()).not.toContain('hunter2')
  })

  it.each([
    ['always_on', undefined, { ratio: 1, byParent: false }],
    ['always_off', undefined, { ratio: 0, byParent: false }],
    ['traceidratio', '0.25', { ratio: 0.25, byParent: false }],
    ['parentbased_traceidratio', '0', { ratio: 0, byParent: true }],
    ['parentbased_traceidratio', undefined, { ratio: 1, byParent: true }],
    ['parentbased_always_off', '0.5', { ratio: 0, byParent: true }],
  ])('samples by %s with %s', (name, argument, sampler) => {
    const env = { ...endpoint, OTEL_TRACES_SAMPLER: name, ...(argument && { OTEL_TRACES_SAMPLER_ARG: argument }) }
    expect(read(env)).toMatchObject({ settings: { sampler }, warnings: [] })
  })

  it.each([
    { OTEL_TRACES_SAMPLER: 'jaeger_remote' },
    { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '25%' },
  ])('says that %j means nothing, and records all', (env) => {
    const { settings, warnings } = read({ ...endpoint, ...env })
    expect(settings?.sampler.ratio).toBe(1)
    expect(warnings).toEqual([expect.stringMatching(/^Every trace is recorded: /)])
  })
})

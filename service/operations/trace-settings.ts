/**
 * Whether and where traces go, from the variables that every OpenTelemetry SDK knows. As its specification has it, a
 * wrong one is logged and then ignored: the service answers without traces too.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */

/** Which traces are recorded, of those that no parent span has decided about (`byParent`) or of all. */
export interface SamplerSettings {
  /** From 0 (none) to 1 (all). */
  ratio: number
  /** Whether the decision of the client, in its `traceparent`, goes first. */
  byParent: boolean
}

export interface TraceSettings {
  /** Of the collector; takes OTLP as JSON by HTTP. */
  url: string
  sampler: SamplerSettings
}

type Environment = Readonly<Record<string, string | undefined>>

/** OTLP/HTTP: the path of traces below OTEL_EXPORTER_OTLP_ENDPOINT; the variable for traces alone is taken as it is. */
const TRACES_PATH = 'v1/traces'

/**
 * @param warn gets what is wrong; never a value, since it may be a password in the wrong place
 * @returns undefined where traces are off, or no collector could receive them
 */
export function readTraceSettings(env: Environment, warn: (message: string) => void): TraceSettings | undefined {
  const get = (name: string) => env[name]?.trim() || undefined
  const forTraces = get('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  const forAll = get('OTEL_EXPORTER_OTLP_ENDPOINT')
  const given = forTraces ?? forAll
  if (given === undefined || get('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined
  if (get('OTEL_TRACES_EXPORTER') === 'none') return undefined

  const protocol = get('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? get('OTEL_EXPORTER_OTLP_PROTOCOL')
  if (protocol === 'grpc') {
    warn('No traces: OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and they are only sent by HTTP; name that port, usually 4318')
    return undefined
  }
  const url = URL.parse(given)
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    const name = forTraces === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
    warn(`No traces: ${name} is not an http(s) URL, like http://collector:4318`)
    return undefined
  }
  if (forTraces === undefined) url.pathname = `${url.pathname.replace(/\/+$/, '')}/${TRACES_PATH}`
  return { url: url.href, sampler: readSampler(get('OTEL_TRACES_SAMPLER'), get('OTEL_TRACES_SAMPLER_ARG'), warn) }
}

function readSampler(
  name = 'parentbased_always_on',
  argument: string | undefined,
  warn: (message: string) => void,
): SamplerSettings {
  const [, parent, kind] = /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(name) ?? []
  if (kind === undefined) {
    warn('Every trace is recorded: OTEL_TRACES_SAMPLER names none of the samplers of the specification')
    return { ratio: 1, byParent: true }
  }
  const byParent = parent !== undefined
  if (kind !== 'traceidratio') return { ratio: kind === 'always_on' ? 1 : 0, byParent }
  const ratio = Number(argument ?? 1)
  if (ratio >= 0 && ratio <= 1) return { ratio, byParent }
  warn('Every trace is recorded: OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1')
  return { ratio: 1, byParent }
}

/**
 * Pulumi's mocks for the test of the whole program: the providers' answers, and a record of what they were asked for.
 */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as pulumi from '@pulumi/pulumi'
import { MockMonitor } from '@pulumi/pulumi/runtime/mocks.js'

// A certificate made for this test, with its key: the program reads the public key out of it.
export const CERTIFICATE = readFileSync(join(import.meta.dirname, 'authentik', 'certificate.test.pem'), 'utf8')
export const PRIVATE_KEY = `${generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' })}`

// The SDK's mocks do not support hooks. Nothing fails or is updated under them, so no hook is ever called.
const register = (_request: unknown, registered: (error: null) => void) => registered(null)
Object.assign(MockMonitor.prototype, { registerErrorHook: register, registerResourceHook: register })

export interface Made {
  type: string
  name: string
  // biome-ignore lint/suspicious/noExplicitAny: inputs of any resource type, read by the assertions
  inputs: any
  secrets: string[]
}

/** Unwraps Pulumi's secret envelope, which is how a mock sees a secret input; tells which top-level inputs held one. */
function unwrap(inputs: unknown): { value: unknown; secret: boolean } {
  const SECRET = '4dabf18193072939515e22adb298388d'
  if (Array.isArray(inputs)) {
    const items = inputs.map(unwrap)
    return { value: items.map(({ value }) => value), secret: items.some(({ secret }) => secret) }
  }
  if (typeof inputs === 'object' && inputs !== null) {
    if (SECRET in inputs && 'value' in inputs) return { value: unwrap(inputs.value).value, secret: true }
    const entries = Object.entries(inputs).map(([key, value]) => [key, unwrap(value)] as const)
    return {
      value: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
      secret: entries.some(([, { secret }]) => secret),
    }
  }
  return { value: inputs, secret: false }
}

const computed: Record<string, (made: Made) => Record<string, unknown>> = {
  'tls:index/privateKey:PrivateKey': () => ({ privateKeyPem: PRIVATE_KEY }),
  'tls:index/selfSignedCert:SelfSignedCert': () => ({ certPem: CERTIFICATE }),
  'authentik:index/sourceOauth:SourceOauth': ({ name }) => ({ uuid: `uuid-of-${name}` }),
  'authentik:index/application:Application': ({ name }) => ({ uuid: `uuid-of-${name}` }),
}

/**
 * The name of a Kubernetes object. Where the program gives none, the provider makes one: another for each content of an
 * object that cannot change.
 */
export const objectName = ({ name, inputs }: Pick<Made, 'name' | 'inputs'>): string =>
  inputs.metadata?.name ?? `${name}-${createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 8)}`

/** Providers have numeric ids. */
export const PROVIDER = 'authentik:index/providerOauth2:ProviderOauth2'
const providerIds = new Map([
  [`${PROVIDER} docker-registry`, '7'],
  [`${PROVIDER} ci-session`, '8'],
])

const namedMetadata = ({ metadata }: { metadata?: object }, made: Made) =>
  metadata === undefined ? {} : { metadata: { ...metadata, name: objectName(made) } }

/** Mocks that hand each custom resource of the program to `record`, and answer as the providers would. */
export function recordingMocks(
  record: (made: Made) => void,
  lastOutputs: () => Record<string, unknown>,
): pulumi.runtime.Mocks {
  return {
    newResource(args) {
      const fields = Object.entries(args.inputs).map(([key, value]) => [key, unwrap(value)] as const)
      const resource: Made = {
        type: args.type,
        name: args.name,
        inputs: Object.fromEntries(fields.map(([key, { value }]) => [key, value])),
        secrets: fields.filter(([, { secret }]) => secret).map(([key]) => key),
      }
      if (args.custom) record(resource)
      const id = providerIds.get(`${args.type} ${args.name}`) ?? `id-of-${args.name}`
      const metadata = args.type.startsWith('kubernetes:') && args.custom ? namedMetadata(args.inputs, resource) : {}
      return { id, state: { ...args.inputs, ...metadata, ...computed[args.type]?.(resource) } }
    },
    call({ token }) {
      if (token === 'pulumi:pulumi:readStackOutputs') return { outputs: lastOutputs() }
      throw new Error(`unexpected call of ${token}`)
    },
  }
}

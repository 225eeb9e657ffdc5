/**
 * Stands in for the provider of `@pulumi/tls` 5.6.1, for the two resources that our program makes: same tokens, inputs,
 * ids and secrets. It refuses inputs that it does not know instead of ignoring them.
 */
import { isDeepStrictEqual } from 'node:util'
import { changedLeaves } from '../engine/diff.ts'
import type { CheckCall, CreateCall, Diff, DiffCall, Failure, Made, Provider, ReadCall } from '../engine/provider.ts'
import { hasUnknown, type Properties, secret, UNKNOWN } from '../engine/values.ts'
import { makePrivateKey, privateKeyFailures } from './private-key.ts'

interface Kind {
  readonly required: readonly string[]
  readonly optional: readonly string[]
  readonly secrets: readonly string[]
  /** Known only once the resource is made; unknown in a preview. */
  readonly computed: readonly string[]
  readonly defaults: Properties
  readonly failures: (inputs: Properties) => Promise<Failure[]> | Failure[]
  readonly make: (inputs: Properties, now: Date) => Promise<Made> | Made
}

// Certificates need a large library; a stack that only makes keys, or changes nothing, does not wait for it.
const certificates = () => import('./certificate.ts')

const KINDS: Record<string, Kind> = {
  'tls:index/privateKey:PrivateKey': {
    required: ['algorithm'],
    optional: ['ecdsaCurve'],
    secrets: ['privateKeyPem', 'privateKeyPemPkcs8'],
    computed: ['privateKeyPem', 'privateKeyPemPkcs8', 'publicKeyPem'],
    defaults: { ecdsaCurve: 'P224', rsaBits: 2048 },
    failures: privateKeyFailures,
    make: makePrivateKey,
  },
  'tls:index/selfSignedCert:SelfSignedCert': {
    required: ['allowedUses', 'privateKeyPem', 'validityPeriodHours'],
    optional: ['subject'],
    secrets: ['privateKeyPem'],
    computed: ['certPem', 'readyForRenewal', 'validityStartTime', 'validityEndTime', 'keyAlgorithm'],
    defaults: {
      earlyRenewalHours: 0,
      isCaCertificate: false,
      maxPathLength: -1,
      setSubjectKeyId: false,
      setAuthorityKeyId: false,
    },
    failures: async (inputs) => (await certificates()).certificateFailures(inputs),
    make: async (inputs, now) => {
      const { id, ...certificate } = await (await certificates()).selfSigned(inputs, now)
      return { id, state: { ...certificate, readyForRenewal: false } }
    },
  },
}

function kindOf(type: string): Kind {
  const kind = KINDS[type]
  if (!kind) throw new Error(`the stand-in for @pulumi/tls knows ${Object.keys(KINDS).join(', ')}, not ${type}`)
  return kind
}

const hide = ({ secrets }: Kind, state: Properties): Properties => ({
  ...state,
  ...Object.fromEntries(
    secrets.filter((name) => typeof state[name] === 'string').map((name) => [name, secret(state[name])]),
  ),
})

export class TlsProvider implements Provider {
  readonly version = '5.6.1'
  readonly #now: () => Date

  constructor(now: () => Date = () => new Date()) {
    this.#now = now
  }

  configure(): void {}

  async check({ type, news }: CheckCall): Promise<{ inputs: Properties; failures: Failure[] }> {
    const kind = kindOf(type)
    const known = [...kind.required, ...kind.optional]
    const missing = kind.required
      .filter((property) => news[property] === undefined)
      .map((property) => ({ property, reason: `missing required property "${property}"` }))
    const others = Object.keys(news)
      .filter((name) => !known.includes(name) && !isDeepStrictEqual(news[name], kind.defaults[name]))
      .map((property) => ({ property, reason: `this stand-in knows only ${known.join(', ')}` }))
    return { inputs: news, failures: [...missing, ...others, ...(await kind.failures(news))] }
  }

  /** Every changed input replaces the resource, and so does the end of a certificate. */
  diff({ type, oldInputs, oldState, news }: DiffCall): Diff {
    const { defaults } = kindOf(type)
    const changes = changedLeaves({ ...defaults, ...oldInputs }, { ...defaults, ...news })
    if (this.#hasEnded(oldState)) changes.push({ path: 'readyForRenewal', kind: 'update' })
    return { changes: changes.map((change) => ({ ...change, replace: true })) }
  }

  async create({ type, inputs, preview }: CreateCall): Promise<Made> {
    const kind = kindOf(type)
    const base = { ...kind.defaults, ...inputs }
    if (preview || hasUnknown(inputs)) {
      return { id: '', state: { ...base, ...Object.fromEntries(kind.computed.map((name) => [name, UNKNOWN])) } }
    }
    const { id, state } = await kind.make(base, this.#now())
    return { id, state: hide(kind, { ...base, ...state }) }
  }

  /** A key and a certificate live in the state only, so nothing can be imported. */
  async read({ type, id, oldState, oldInputs }: ReadCall): Promise<(Made & { inputs: Properties }) | undefined> {
    const kind = kindOf(type)
    if (Object.keys(oldState).length === 0)
      throw new Error(`${type} cannot be imported: it lives only in the stack's state`)
    const renewal = 'readyForRenewal' in oldState && { readyForRenewal: this.#hasEnded(oldState) }
    return { id, state: hide(kind, { ...oldState, ...renewal }), inputs: oldInputs }
  }

  async update(): Promise<Properties> {
    throw new Error('every change of a key or a certificate replaces it')
  }

  async delete(): Promise<void> {}

  #hasEnded({ validityEndTime }: Properties): boolean {
    return typeof validityEndTime === 'string' && this.#now().getTime() >= Date.parse(validityEndTime)
  }
}

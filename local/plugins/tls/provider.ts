/** Stands in for the provider of `@pulumi/tls` 5.6.1: same tokens, inputs, outputs, ids and secrets. */
import { changedLeaves } from '../engine/diff.ts'
import type {
  CheckCall,
  CreateCall,
  Diff,
  DiffCall,
  Failure,
  Made,
  Provider,
  ReadCall,
  UpdateCall,
} from '../engine/provider.ts'
import { hasUnknown, type Properties, secret, UNKNOWN } from '../engine/values.ts'
import { makePrivateKey, privateKeyFailures } from './private-key.ts'

const HOUR_MS = 3_600_000

interface Kind {
  readonly required: readonly string[]
  readonly secrets: readonly string[]
  /** What only the making of the resource tells; unknown in a preview. */
  readonly computed: readonly string[]
  readonly defaults: Properties
  readonly failures?: (inputs: Properties) => Failure[]
  readonly make: (inputs: Properties, now: Date) => Promise<Made> | Made
  /** Has a validity that runs out. */
  readonly expires: boolean
}

const CERTIFICATE_DEFAULTS = { earlyRenewalHours: 0, isCaCertificate: false, maxPathLength: -1, setSubjectKeyId: false }
const CERTIFICATE_OUTPUTS = ['certPem', 'readyForRenewal', 'validityStartTime', 'validityEndTime']

const asMade = ({ id, ...state }: { id: string } & Properties): Made => ({
  id,
  state: { ...state, readyForRenewal: false },
})

// Certificates need a large library; a stack that only makes keys, or changes nothing, does not wait for it.
const certificates = () => import('./certificate.ts')

const KINDS: Record<string, Kind> = {
  'tls:index/privateKey:PrivateKey': {
    required: ['algorithm'],
    secrets: ['privateKeyOpenssh', 'privateKeyPem', 'privateKeyPemPkcs8'],
    computed: [
      'privateKeyOpenssh',
      'privateKeyPem',
      'privateKeyPemPkcs8',
      'publicKeyFingerprintMd5',
      'publicKeyFingerprintSha256',
      'publicKeyOpenssh',
      'publicKeyPem',
    ],
    defaults: { ecdsaCurve: 'P224', rsaBits: 2048 },
    failures: privateKeyFailures,
    make: makePrivateKey,
    expires: false,
  },
  'tls:index/selfSignedCert:SelfSignedCert': {
    required: ['allowedUses', 'privateKeyPem', 'validityPeriodHours'],
    secrets: ['privateKeyPem'],
    computed: [...CERTIFICATE_OUTPUTS, 'keyAlgorithm'],
    defaults: { ...CERTIFICATE_DEFAULTS, setAuthorityKeyId: false },
    make: async (inputs, now) => asMade({ ...(await (await certificates()).selfSigned(inputs, now)) }),
    expires: true,
  },
  'tls:index/certRequest:CertRequest': {
    required: ['privateKeyPem'],
    secrets: ['privateKeyPem'],
    computed: ['certRequestPem', 'keyAlgorithm'],
    defaults: {},
    make: async (inputs) => (await certificates()).certificateRequest(inputs),
    expires: false,
  },
  'tls:index/locallySignedCert:LocallySignedCert': {
    required: ['allowedUses', 'caCertPem', 'caPrivateKeyPem', 'certRequestPem', 'validityPeriodHours'],
    secrets: ['caPrivateKeyPem'],
    computed: [...CERTIFICATE_OUTPUTS, 'caKeyAlgorithm'],
    defaults: CERTIFICATE_DEFAULTS,
    make: async (inputs, now) => asMade({ ...(await (await certificates()).locallySigned(inputs, now)) }),
    expires: true,
  },
}

function kindOf(type: string): Kind {
  const kind = KINDS[type]
  if (!kind) throw new Error(`the stand-in for @pulumi/tls knows ${Object.keys(KINDS).join(', ')}, not ${type}`)
  return kind
}

/** Whether the moment from which the certificate should be replaced has come. */
function isDueForRenewal(state: Properties, earlyRenewalHours: unknown, now: Date): boolean {
  const end = Date.parse(String(state.validityEndTime))
  return now.getTime() >= end - Number(earlyRenewalHours ?? 0) * HOUR_MS
}

export class TlsProvider implements Provider {
  readonly version = '5.6.1'
  readonly cancel = new AbortController()
  readonly #now: () => Date

  constructor(now: () => Date = () => new Date()) {
    this.#now = now
  }

  configure(): void {}

  check({ type, news }: CheckCall): { inputs: Properties; failures: Failure[] } {
    const kind = kindOf(type)
    const missing = kind.required
      .filter((property) => news[property] === undefined)
      .map((property) => ({ property, reason: `missing required property "${property}"` }))
    return { inputs: news, failures: [...missing, ...(kind.failures?.(news) ?? [])] }
  }

  /** Every input makes the resource anew, but for the hours of early renewal, which only say when to. */
  diff({ type, oldInputs, oldState, news }: DiffCall): Diff {
    const kind = kindOf(type)
    const changes = changedLeaves({ ...kind.defaults, ...oldInputs }, { ...kind.defaults, ...news }).map((change) => ({
      ...change,
      replace: change.path !== 'earlyRenewalHours',
    }))
    if (kind.expires && isDueForRenewal(oldState, news.earlyRenewalHours, this.#now())) {
      return { changes: [...changes, { path: 'readyForRenewal', kind: 'update', replace: true }] }
    }
    return { changes }
  }

  async create({ type, inputs, preview }: CreateCall): Promise<Made> {
    const kind = kindOf(type)
    const base = { ...kind.defaults, ...inputs }
    if (preview || hasUnknown(inputs)) {
      return { id: '', state: { ...base, ...Object.fromEntries(kind.computed.map((name) => [name, UNKNOWN])) } }
    }
    const { id, state } = await kind.make(base, this.#now())
    return { id, state: this.#hide(kind, { ...base, ...state }) }
  }

  /** A key and a certificate live in the state only, so nothing can be imported. */
  async read({ type, id, oldState, oldInputs }: ReadCall): Promise<(Made & { inputs: Properties }) | undefined> {
    const kind = kindOf(type)
    if (Object.keys(oldState).length === 0)
      throw new Error(`${type} cannot be imported: it lives only in the stack's state`)
    const due = kind.expires && isDueForRenewal(oldState, oldState.earlyRenewalHours, this.#now())
    const state = kind.expires ? { ...oldState, readyForRenewal: due } : oldState
    return { id, state: this.#hide(kind, state), inputs: oldInputs }
  }

  async update({ type, oldState, news }: UpdateCall): Promise<Properties> {
    const kind = kindOf(type)
    return this.#hide(kind, { ...oldState, ...kind.defaults, ...news })
  }

  async delete(): Promise<void> {}

  #hide(kind: Kind, state: Properties): Properties {
    const hidden = kind.secrets.filter((name) => typeof state[name] === 'string')
    return { ...state, ...Object.fromEntries(hidden.map((name) => [name, secret(state[name])])) }
  }
}

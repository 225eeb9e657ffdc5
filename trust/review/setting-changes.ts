/** Settings beside sources and rules that decide whom the registry believes, and what changing them means. */
import { isDeepStrictEqual } from 'node:util'
import { quote } from '../decision/quote.ts'
import { MAX_QUOTED_CHARACTERS } from '../limits.ts'
import type { StackState } from './stack-state.ts'

export interface SettingChange {
  readonly setting: string
  /** Undefined for a setting that is not about trust. */
  readonly meaning: string | undefined
  readonly isDangerous: boolean
  /** As text; undefined where it is not set. */
  readonly before: string | undefined
  readonly after: string | undefined
}

interface Weight {
  readonly meaning: string
  /** Whether a change from one value to another deserves the first lines of a review. */
  readonly isDangerous: (before: unknown, after: unknown) => boolean
}

const always = () => true
const grows = (before: unknown, after: unknown) => Number(after) > Number(before)
const turnsOff = (_: unknown, after: unknown) => after === false || after === 'false'
const turnsOn = (_: unknown, after: unknown) => after === true || after === 'true'
const isTakenAway = (before: unknown, after: unknown) => before !== undefined && after === undefined
const getsMore = (before: unknown, after: unknown) => {
  const held = Array.isArray(before) ? before : []
  return Array.isArray(after) && after.some((entry) => !held.includes(entry))
}

const weights: Readonly<Record<string, Weight>> = {
  'authentik:url': { meaning: 'another authentik decides who may push', isDangerous: always },
  'authentik:insecure': { meaning: "whether authentik's certificate is checked", isDangerous: turnsOn },
  authentikUrl: { meaning: 'another authentik is asked for tokens, and its issuer is trusted', isDangerous: always },
  anonymousPull: { meaning: 'what everyone may pull without login', isDangerous: getsMore },
  pushGroup: { meaning: 'other people may push everything', isDangerous: always },
  pullGroup: { meaning: 'other people may pull everything', isDangerous: always },
  audience: { meaning: 'tokens made for another audience are accepted', isDangerous: always },
  host: { meaning: "the registry's name, and the audience of tokens unless that is set", isDangerous: always },
  sessionHours: { meaning: 'how long a job pushes after its login', isDangerous: grows },
  tokenLifetimeMinutes: { meaning: 'how long a token is good after its rule is gone', isDangerous: grows },
  networkPolicies: { meaning: 'whether the network limits who reaches the pods', isDangerous: turnsOff },
  ingressNamespace: { meaning: 'from where the pods take requests', isDangerous: isTakenAway },
  trustedProxies: { meaning: 'who may say from which address a request comes', isDangerous: getsMore },
  caBundle: { meaning: 'whose certificates the token service trusts', isDangerous: always },
  proxy: { meaning: 'who carries the calls to authentik', isDangerous: always },
  image: { meaning: 'the code of the token service', isDangerous: always },
  nodeImage: { meaning: 'the image on which the token service runs', isDangerous: always },
  registryImage: { meaning: 'the code of the registry', isDangerous: always },
  environment: { meaning: 'variables of the token service, which can change each of its checks', isDangerous: always },
  events: { meaning: 'who learns what is pushed and pulled', isDangerous: always },
  deleteImages: { meaning: 'whether an update may delete images and private keys', isDangerous: turnsOn },
}

/** Compared by themselves. */
const READ_ELSEWHERE = new Set(['sources', 'trust'])

/** Every setting that differs, by name. */
export function settingChanges(before: StackState, after: StackState): SettingChange[] {
  const names = new Set([...before.settings.keys(), ...after.settings.keys()])
  return [...names].toSorted().flatMap((setting) => {
    const [was, is] = [before.settings.get(setting), after.settings.get(setting)]
    if (READ_ELSEWHERE.has(setting) || isDeepStrictEqual(was, is)) return []
    const weight = weights[setting]
    const isDangerous = weight?.isDangerous(was, is) ?? false
    return [{ setting, meaning: weight?.meaning, isDangerous, before: shown(setting, was), after: shown(setting, is) }]
  })
}

/** A setting may be a secret although it is not encrypted, such as a variable; those are not repeated. */
function shown(setting: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  const isSecret =
    setting === 'environment' || /token|password|secret/i.test(setting.replace(/TlsSecret|PullSecrets/, ''))
  const isEncrypted = typeof value === 'object' && value !== null && 'secure' in value
  if (isEncrypted || (isSecret && setting !== 'tokenLifetimeMinutes')) return '(not shown)'
  return quote(value, MAX_QUOTED_CHARACTERS)
}

/** Which fields of an object in authentik `pulumi up` would overwrite, compared as the provider compares them. */
import { isDeepStrictEqual } from 'node:util'
import type { Row } from '../infra/authentik/api.ts'
import schema from '../sdks/authentik.schema.json' with { type: 'json' }
import { SECRET, type Step, UNKNOWN } from './preview.ts'

export interface Change {
  /** The provider's name of the field. */
  readonly field: string
  /** What it would be, in words; undefined where a value is not for a terminal. */
  readonly inWords: string | undefined
}

/** Fields that name other objects. Where such an object is still to be made, its id is not known. */
const REFERENCES = new Set([
  'jwtFederationProviders',
  'jwtFederationSources',
  'policy',
  'propertyMappings',
  'protocolProvider',
  'signingKey',
  'target',
])
/** Fields whose name in authentik is not simply ours in snake case. */
const API_NAMES: Readonly<Record<string, string>> = {
  'Application.protocolProvider': 'provider',
  'ProviderOauth2.allowedRedirectUris': 'redirect_uris',
  'SourceOauth.propertyMappings': 'user_property_mappings',
  'SourceOauth.propertyMappingsGroups': 'group_property_mappings',
}
/** Text that is JSON. */
const JSON_FIELDS = new Set(['attributes', 'oidcJwks'])
/** Long, or a place where somebody may have put a secret. */
const NOT_SHOWN = new Set(['attributes', 'certificateData', 'expression', 'oidcJwks'])
/** authentik never shows it, so the provider always sends it. */
const NEVER_SHOWN_BY_AUTHENTIK = new Set(['consumerSecret'])
const SHOWN_CHARACTERS = 60

interface Property {
  readonly secret?: boolean
}

interface Shape {
  readonly inputProperties: Readonly<Record<string, Property>>
  readonly required: readonly string[]
  readonly requiredInputs?: readonly string[]
}

/**
 * @param row what authentik has
 * @param ids the primary key in authentik of each object that the stack adopts, by its URN
 */
export function changesOf(step: Step, row: Row, ids: ReadonlyMap<string, unknown>): Change[] {
  const kind = step.type.split(':').at(-1) ?? ''
  const shape: Shape | undefined = (schema.resources as unknown as Record<string, Shape>)[step.type]
  const own = `${kind.charAt(0).toLowerCase()}${kind.slice(1)}Id`
  const fields = Object.entries(shape?.inputProperties ?? {}).filter(
    ([field]) => field !== own && field !== 'uuid' && !step.ignoreChanges.includes(field),
  )
  return fields.flatMap(([field, { secret = false }]): Change[] => {
    const isFilledIn = shape?.required.includes(field) && !shape.requiredInputs?.includes(field)
    const has = row[API_NAMES[`${kind}.${field}`] ?? snakeCase(field)]
    const wanted = step.inputs[field]
    if (wanted === undefined) {
      // A field that the program does not set becomes empty, unless authentik fills it in.
      if (isFilledIn || secret || isEmpty(has)) return []
      return [{ field, inWords: NOT_SHOWN.has(field) ? undefined : `${shown(has)} is taken away` }]
    }
    if (NEVER_SHOWN_BY_AUTHENTIK.has(field)) return [{ field, inWords: undefined }]
    if (isFilledIn && isEmpty(wanted)) return []
    return change(step, field, has, wanted, ids)
  })
}

function change(step: Step, field: string, has: unknown, wanted: unknown, ids: ReadonlyMap<string, unknown>): Change[] {
  if (REFERENCES.has(field)) {
    const { known, isWhole } = referencesOf(step, field, wanted, ids)
    const before = asList(has).map(String)
    if (isWhole && isDeepStrictEqual([...before].sort(), [...known].sort())) {
      // The order of several is the program's, which is known only when all of them are.
      const isInOrder = before.length < 2 || (!asList(wanted).includes(UNKNOWN) && isDeepStrictEqual(before, known))
      return isInOrder ? [] : [{ field, inWords: 'the same, perhaps in another order' }]
    }
    return [{ field, inWords: isWhole ? undefined : 'an object that is still to be made' }]
  }
  if (wanted === UNKNOWN) return [{ field, inWords: undefined }]
  if (wanted === SECRET) return has === undefined ? [] : [{ field, inWords: undefined }]
  if (isSame(field, has, wanted)) return []
  return [{ field, inWords: NOT_SHOWN.has(field) ? undefined : `${shown(has)} becomes ${shown(wanted)}` }]
}

/** The ids that a field would hold, and whether these are all. */
export function referencesOf(step: Step, field: string, wanted: unknown, ids: ReadonlyMap<string, unknown>) {
  const values = asList(wanted)
  const stated = values.filter((value) => value !== UNKNOWN).map(String)
  const adopted = (step.dependencies[field] ?? []).flatMap((urn) => (ids.has(urn) ? [String(ids.get(urn))] : []))
  const known = [...new Set([...stated, ...(stated.length < values.length ? adopted : [])])]
  return { known, isWhole: known.length === values.length }
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : isEmpty(value) ? [] : [value])

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)

/** Terraform cannot tell these from "not given". */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === undefined || value === null || value === '' || value === false || value === 0
}

function isSame(field: string, has: unknown, wanted: unknown): boolean {
  if (isEmpty(has) && isEmpty(wanted)) return true
  if (JSON_FIELDS.has(field)) return isDeepStrictEqual(has ?? {}, JSON.parse(String(wanted) || '{}'))
  if (Array.isArray(has) && Array.isArray(wanted)) {
    return has.length === wanted.length && wanted.every((item, index) => isSame('', has[index], item))
  }
  if (typeof wanted === 'object' && wanted !== null) {
    // authentik may answer more fields than the provider knows.
    return Object.entries(wanted).every(([key, value]) => isSame('', (has as Row | undefined)?.[key], value))
  }
  return String(has) === String(wanted)
}

function shown(value: unknown): string {
  if (isEmpty(value)) return 'nothing'
  const text = JSON.stringify(value)
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}

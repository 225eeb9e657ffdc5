/** Checks what a client sends, in the words of Django REST framework, which the Terraform provider shows to a person. */
import { durationSeconds } from './duration.ts'
import { type Field, isObject } from './fields.ts'
import type { Store } from './store.ts'

/** Field name to messages, as DRF's 400 answers have it. */
export type FieldErrors = Record<string, string[]>

/**
 * Checks and normalises what a client sent.
 * @param partial true for PATCH, where a required field may be missing
 * @returns the values of the known fields that were sent, and the errors by field
 */
export function readFields(
  fields: Record<string, Field>,
  input: Record<string, unknown>,
  store: Store,
  partial: boolean,
): { values: Record<string, unknown>; errors: FieldErrors } {
  const values: Record<string, unknown> = {}
  const errors: FieldErrors = {}
  for (const [name, field] of Object.entries(fields)) {
    const sent = input[name]
    if (sent === undefined) {
      if (field.required && !partial) errors[name] = ['This field is required.']
      continue
    }
    const result = readField(field, sent, store)
    if ('error' in result) errors[name] = [result.error]
    else values[name] = result.value
  }
  return { values, errors }
}

type Result = { value: unknown } | { error: string }

function readField(field: Field, sent: unknown, store: Store): Result {
  if (sent === null) return field.nullable ? { value: null } : { error: 'This field may not be null.' }
  switch (field.type) {
    case 'text':
    case 'slug':
    case 'duration':
      return readText(field, sent)
    case 'choice':
      return field.choices?.includes(String(sent)) ? { value: sent } : { error: `"${sent}" is not a valid choice.` }
    case 'choices':
      return readChoices(field, sent)
    case 'integer':
      return readInteger(field, sent)
    case 'boolean':
      return typeof sent === 'boolean' ? { value: sent } : { error: 'Must be a valid boolean.' }
    case 'object':
      return isObject(sent)
        ? { value: sent }
        : { error: 'Value must be a dictionary, and not have any duplicate keys.' }
    case 'list':
      return Array.isArray(sent) ? { value: sent } : { error: notAList(sent) }
    case 'date':
      return readDate(sent)
    case 'one':
      return readReference(field, sent, store)
    case 'many':
      return readReferences(field, sent, store)
  }
}

function readText(field: Field, sent: unknown): Result {
  if (typeof sent !== 'string' && typeof sent !== 'number') return { error: 'Not a valid string.' }
  // DRF trims every CharField: authentik stores an expression or a key without the white space around it.
  const value = String(sent).trim()
  if (value === '' && !field.blank) return { error: 'This field may not be blank.' }
  if (value.includes('\0')) return { error: 'Null characters are not allowed.' }
  if (field.maxLength !== undefined && [...value].length > field.maxLength) {
    return { error: `Ensure this field has no more than ${field.maxLength} characters.` }
  }
  if (field.type === 'slug' && !/^[-a-zA-Z0-9_]+$/.test(value)) {
    return { error: 'Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.' }
  }
  if (field.type === 'duration' && durationSeconds(value) === undefined) {
    return { error: `${value} is not in the correct format of 'hours=3;minutes=1'.` }
  }
  return { value }
}

function readChoices(field: Field, sent: unknown): Result {
  if (!Array.isArray(sent)) return { error: notAList(sent) }
  const wrong = sent.find((value) => !field.choices?.includes(String(value)))
  return wrong === undefined ? { value: sent } : { error: `"${wrong}" is not a valid choice.` }
}

function readInteger(field: Field, sent: unknown): Result {
  const value = typeof sent === 'string' && /^-?\d+$/.test(sent) ? Number(sent) : sent
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return { error: 'A valid integer is required.' }
  if (field.minimum !== undefined && value < field.minimum) {
    return { error: `Ensure this value is greater than or equal to ${field.minimum}.` }
  }
  return { value }
}

function readDate(sent: unknown): Result {
  const time = typeof sent === 'string' ? Date.parse(sent) : Number.NaN
  if (Number.isNaN(time)) {
    return {
      error:
        'Datetime has wrong format. Use one of these formats instead: ' +
        'YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].',
    }
  }
  return { value: new Date(time).toISOString() }
}

function readReference(field: Field, sent: unknown, store: Store): Result {
  if (typeof sent !== 'string' && typeof sent !== 'number') {
    return { error: `Incorrect type. Expected pk value, received ${pythonType(sent)}.` }
  }
  for (const kind of field.references ?? []) {
    const row = store.get(kind, sent)
    if (row) return { value: row.pk }
  }
  return { error: `Invalid pk "${sent}" - object does not exist.` }
}

function readReferences(field: Field, sent: unknown, store: Store): Result {
  if (!Array.isArray(sent)) return { error: notAList(sent) }
  const value = new Set<string | number>()
  for (const entry of sent) {
    const result = readReference(field, entry, store)
    if ('error' in result) return result
    value.add(result.value as string | number)
  }
  // A relation has no order; authentik answers these by key, whatever order they were sent in.
  return { value: [...value].sort((a, b) => (a < b ? -1 : 1)) }
}

const notAList = (sent: unknown) => `Expected a list of items but got type "${pythonType(sent)}".`

/** DRF names types as Python does. */
function pythonType(value: unknown): string {
  if (typeof value === 'string') return 'str'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  return Array.isArray(value) ? 'list' : 'dict'
}

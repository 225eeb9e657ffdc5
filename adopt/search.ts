/** Finds in authentik the objects that the program would make, and decides which of them the stack may adopt. */
import { findRows, importId, isLogin, usersOf } from '../infra/authentik/adoption.ts'
import type { AuthentikApi, Row } from '../infra/authentik/api.ts'
import { type Change, changesOf, referencesOf } from './changes.ts'
import type { Found } from './found.ts'
import { leftOvers } from './left-overs.ts'
import { isAuthentiks, type Step, UNKNOWN } from './preview.ts'

export interface Adoptable extends Found {
  readonly changes: readonly Change[]
  /** What else refers to it; undefined if authentik does not say. */
  readonly usedBy: readonly string[] | undefined
  /** What stays in force although the program does not manage it, and what is no longer attached. */
  readonly left: readonly string[]
}

export interface Refused {
  readonly step: Step
  readonly reason: string
}

export interface Search {
  readonly adoptable: readonly Adoptable[]
  readonly refused: readonly Refused[]
  /** Objects of authentik that are not there, so that `pulumi up` makes them. */
  readonly missing: readonly Step[]
}

/** @throws AuthentikProblem */
export async function search(api: AuthentikApi, steps: readonly Step[]): Promise<Search> {
  const creates = steps.filter((step) => step.op === 'create' && isAuthentiks(step))
  const ids = new Map<string, unknown>()
  const found: Found[] = []
  const refused: Refused[] = []
  // What binds others comes last, when their ids are known.
  const ordered = [...creates].sort((a, b) => Number(isBinding(a)) - Number(isBinding(b)))
  for (const step of ordered) {
    const inputs = uniqueInputs(step, ids)
    if (inputs === undefined) continue
    const [row, ...more] = (await findRows(api, step.type, inputs)).filter((row) => hasOneOf(row, step, inputs))
    if (row === undefined) continue
    const id = importId(step.type, row)
    const reason = id === undefined ? 'authentik does not say its id.' : whyNot(step, row, more)
    if (reason !== undefined || id === undefined) refused.push({ step, reason: reason ?? '' })
    else {
      ids.set(step.urn, row.pk)
      found.push({ step, id, row })
    }
  }
  const adopted = new Set([...ids.values()].map(String))
  const adoptable: Adoptable[] = []
  for (const one of found) {
    const row = await withCertificate(api, one)
    adoptable.push({
      ...one,
      changes: changesOf(one.step, row, ids),
      usedBy: await otherUsers(api, one, adopted),
      left: await leftOvers(api, one, ids),
    })
  }
  const known = new Set([...found, ...refused].map(({ step }) => step.urn))
  return { adoptable, refused, missing: creates.filter(({ urn }) => !known.has(urn)) }
}

const isBinding = ({ type }: Step) => type === 'authentik:index/policyBinding:PolicyBinding'

/** The inputs with the ids of adopted objects in them; undefined for a binding of what is still to be made. */
function uniqueInputs(step: Step, ids: ReadonlyMap<string, unknown>): Row | undefined {
  if (!isBinding(step)) return step.inputs
  const ends = ['policy', 'target'].map((field) => [field, referencesOf(step, field, step.inputs[field], ids)] as const)
  if (ends.some(([, { isWhole }]) => !isWhole)) return undefined
  return { ...step.inputs, ...Object.fromEntries(ends.map(([field, { known }]) => [field, known[0]])) }
}

/** A server that does not know a filter answers everything. */
function hasOneOf(row: Row, step: Step, inputs: Row): boolean {
  const is = (field: string, input: string) =>
    row[field] !== undefined && inputs[input] !== UNKNOWN && String(row[field]) === String(inputs[input])
  if (isBinding(step)) return is('policy', 'policy') && is('target', 'target')
  return is('slug', 'slug') || is('name', 'name') || is('client_id', 'clientId')
}

function whyNot(step: Step, row: Row, more: readonly Row[]): string | undefined {
  if (more.length > 0) {
    const names = [row, ...more].map(({ pk, name }) => `${String(name ?? 'one')} (${String(pk)})`)
    return (
      `there are ${names.length} that it could be: ${names.join(', ')}. ` +
      "Rename or delete in authentik those that are not this registry's, and run this command again."
    )
  }
  if (!isLogin(step.type, row)) return undefined
  return (
    'people log in through it: its consumer key is not "unused". Taking it would lock them out. Rename or delete it ' +
    "in authentik, or give the source of this stack another slug: `pulumi config set --path 'passwordless-registry:sources[0].slug' NAME`, and the same in its rules."
  )
}

/** A list does not have the certificate; by it one sees whether the private key is the same. */
async function withCertificate(api: AuthentikApi, { step, row }: Found): Promise<Row> {
  const wanted = step.inputs.certificateData
  if (wanted === undefined) return row
  const answer = await api.get(`crypto/certificatekeypairs/${String(row.pk)}/view_certificate`).catch(() => undefined)
  const certificate = String((answer as { data?: unknown } | undefined)?.data ?? '').trim()
  if (certificate === String(wanted).trim()) return { ...row, certificate_data: wanted }
  return { ...row, certificate_data: certificate, key_data: 'another' }
}

async function otherUsers(api: AuthentikApi, { step, id }: Found, adopted: ReadonlySet<string>) {
  const users = await usersOf(api, step.type, id).catch(() => undefined)
  return users?.filter(({ pk }) => !adopted.has(pk)).map(({ inWords }) => inWords)
}

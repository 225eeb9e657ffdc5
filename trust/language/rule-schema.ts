/** The shape of a trust rule, as a person writes it. rule-checks.ts looks at its meaning. */
import { z } from 'zod'
import { MAX_PATTERN_CHARACTERS, MAX_PATTERNS_PER_FIELD } from '../limits.ts'

/** RFC 1123 labels and subdomains (kubernetes.io, "Object Names and IDs"). */
const MAX_NAMESPACE_CHARACTERS = 63
const MAX_ACCOUNT_CHARACTERS = 253

const text = z
  .string({ error: 'is not text' })
  .min(1, { error: 'is empty' })
  .max(MAX_PATTERN_CHARACTERS, { error: `is longer than ${MAX_PATTERN_CHARACTERS} characters` })

/** `pulumi config set --path` turns "501" into a number, so whole numbers and booleans count as their text. */
const claimPattern = z.union([text, z.int().transform(String), z.boolean().transform(String)], {
  error: 'is neither text nor a whole number',
})

/** One pattern or a list of them. */
const oneOrMore = <Item extends z.ZodType>(item: Item) =>
  z.preprocess(
    (value) => (Array.isArray(value) ? value : [value]),
    z
      .array(item)
      .min(1, { error: 'is an empty list' })
      .max(MAX_PATTERNS_PER_FIELD, { error: `has more than ${MAX_PATTERNS_PER_FIELD} entries` }),
  )

const names = oneOrMore(text).optional()

/** zod silently drops a key `__proto__`, and a rule that loses a claim would match more. */
const claims = z.preprocess(
  (value, context) => {
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__')) {
      context.issues.push({ code: 'custom', message: 'has the impossible claim __proto__', input: value })
    }
    return value
  },
  z
    .record(z.string(), oneOrMore(claimPattern), { error: 'is missing or not a map of claim to patterns' })
    .refine((record) => Object.keys(record).length > 0, { error: 'is empty: such a rule would match every job' }),
)

/** A rule in full. */
export const ruleSchema = z.strictObject({
  source: z.string({ error: 'is missing or not text' }),
  claims,
  push: names,
  pull: names,
  delete: names,
  catalog: z.boolean({ error: 'is neither true nor false' }).optional(),
  any: z.boolean({ error: 'is neither true nor false' }).optional(),
})

const id = z.union([text, z.int().transform(String)]).optional()
const isNamed = ({ name, id }: Owner) => name !== undefined || id !== undefined
/** An owner by name, by id (a whole number, or text under `id`), or by both. */
const byName = text.transform((name) => ({ name }))
const byId = z.int().transform((number) => ({ id: String(number) }))
const owner = z.union([byName, byId, z.strictObject({ name: text.optional(), id }).refine(isNamed)], {
  error: 'is not an owner',
})

/** A GitLab namespace, which may have groups below it. */
const namespace = z
  .union(
    [byName, byId, z.strictObject({ name: text.optional(), id, subgroups: z.boolean().optional() }).refine(isNamed)],
    { error: 'is not a namespace' },
  )
  .refine((given: Namespace) => given.subgroups !== true || given.name !== undefined, {
    error: "needs the name as well: GitLab's tokens name parent groups by path, never by id",
  })

/**
 * A namespace of a Kubernetes cluster, or `team-*` for all whose names begin like that. The "-" is required, since
 * `team*` would also match a namespace "teammate".
 */
const kubernetesNamespace = z
  .string({ error: 'is not text' })
  .max(MAX_NAMESPACE_CHARACTERS, { error: `is longer than ${MAX_NAMESPACE_CHARACTERS} characters` })
  .regex(/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:-\*)?$/, {
    error: 'is neither the name of a namespace nor the beginning of one, such as team-*',
  })
const serviceAccount = z
  .string({ error: 'is not text' })
  .max(MAX_ACCOUNT_CHARACTERS, { error: `is longer than ${MAX_ACCOUNT_CHARACTERS} characters` })
  .regex(/^[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?$/, { error: 'is not the name of a service account' })

/** The short forms: the owner, from which the rest follows. */
export const shortFormSchema = z.strictObject({
  github: z.strictObject({ owners: oneOrMore(owner), source: z.string().optional() }).optional(),
  gitlab: z.strictObject({ namespaces: oneOrMore(namespace), source: z.string().optional() }).optional(),
  kubernetes: z
    .strictObject({
      namespaces: oneOrMore(kubernetesNamespace),
      serviceAccounts: oneOrMore(serviceAccount).optional(),
      pull: names,
      source: z.string().optional(),
    })
    .optional(),
})

export type RuleSettings = z.output<typeof ruleSchema>
export type ShortForm = z.output<typeof shortFormSchema>
export type Owner = { readonly name?: string | undefined; readonly id?: string | undefined }
export type Namespace = Owner & { readonly subgroups?: boolean | undefined }

/** A rule with everything filled in. */
export interface TrustRule {
  /** The entry in the list, counted from 1; one short form can become several rules. */
  readonly number: number
  readonly source: string
  /** Every claim must match one of its patterns. */
  readonly claims: readonly (readonly [claim: string, patterns: readonly string[]])[]
  readonly push: readonly string[]
  readonly pull: readonly string[]
  readonly delete: readonly string[]
  readonly catalog: boolean
}

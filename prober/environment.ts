/** The variables of a prober's container; the stack sets all of them. */
import * as z from 'zod'

export const roles = ['owner', 'stranger'] as const

export const environment = z.object({
  /** `owner`: a rule lets it push, pull and delete. `stranger`: it has no rule. */
  PROBER: z.enum(roles),
  REGISTRY_URL: z.url(),
  TOKEN_URL: z.url(),
  /** The registry's name in its tokens. */
  CLIENT_ID: z.string().min(1),
  REPOSITORY: z.string().min(1),
  /** Path of the token of the pod's service account, which Kubernetes replaces before it expires. */
  CI_TOKEN_FILE: z.string().min(1),
  /** Of `/metrics`. */
  METRICS_PORT: z.coerce.number().int(),
})

/** Where a prober asks, with what. */
export interface Target {
  /** The repository's own URL: `http://registry:5000/v2/passwordless-registry/prober`. */
  readonly url: string
  readonly repository: string
  readonly tokenService: { readonly realm: string; readonly service: string }
  readonly readToken: () => Promise<string>
}

/** The variables of the clean-up's containers; the stack sets all of them. */
import * as z from 'zod'
import { retention } from './retention/rules.ts'

const minutes = z.coerce.number().positive()

/** Of the container that keeps pushes away. */
export const holdEnvironment = z.object({
  KUBERNETES_SERVICE_HOST: z.string(),
  KUBERNETES_SERVICE_PORT: z.string(),
  /** A folder with `token` and `namespace`, as Kubernetes projects them. */
  ACCOUNT_DIR: z.string(),
  CONFIG_MAP: z.string(),
  POD_NAME: z.string(),
  WINDOW_MINUTES: minutes,
  TOKEN_MINUTES: minutes,
  /** A Service that resolves to the address of each token service. */
  TOKEN_SERVICES: z.string(),
  METRICS_PORT: z.coerce.number().int(),
  /** Answers 200 once the registry takes no writes. */
  READY_PORT: z.coerce.number().int(),
})

/** Of the container that applies the rules of retention. */
export const retentionEnvironment = z.object({
  REGISTRY_URL: z.string(),
  TOKEN_URL: z.string(),
  CLIENT_ID: z.string(),
  /** Path of the account's token for the token service. */
  CI_TOKEN_FILE: z.string(),
  RETENTION: z
    .string()
    .transform((text) => JSON.parse(text))
    .pipe(retention),
})

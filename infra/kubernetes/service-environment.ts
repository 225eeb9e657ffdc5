/** Variables of the token service that the stack itself does not set: limits, log level, traces. */
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'
import { variables } from '../../service/config.ts'
import { limitVariable, operatorLimits } from '../../service/limits.ts'
import { labels } from './labels.ts'

/** Those that a person may set; the stack's own settings control the others. */
const OPEN = new Set<string>(['LOG_LEVEL', 'ANON_USERNAME', 'ANON_PASSWORD'])
/** opentelemetry.io, "SDK environment variables": read by the libraries as well. */
const OPEN_TELEMETRY = /^OTEL_[A-Z0-9_]{1,100}$/
/** Set by the Deployment to fit the time that Kubernetes allows a pod to end. */
const OWN_LIMIT = 'LIMIT_LAME_DUCK_MS'

/** Why a variable cannot be set; undefined if it can. */
function problemOf(name: string): string | undefined {
  if (OPEN.has(name) || OPEN_TELEMETRY.test(name)) return undefined
  if (name !== OWN_LIMIT && operatorLimits.some((limit) => limitVariable(limit) === name)) return undefined
  const isOwn = name === OWN_LIMIT || (variables as readonly string[]).includes(name)
  return isOwn
    ? 'a variable that the stack does not set itself from its other settings'
    : 'a variable that service/README.md names'
}

/** The setting `environment`: a map of name to text. */
export const environmentSetting = {
  schema: z
    .record(z.string(), z.string({ error: 'a text; numbers and booleans need quotes' }), {
      error: 'a map of variable to text',
    })
    .superRefine((map, context) => {
      for (const name of Object.keys(map)) {
        const message = problemOf(name)
        if (message !== undefined) context.addIssue({ code: 'custom', message, path: [name] })
      }
    }),
  path: 'environment.LOG_LEVEL',
  example: 'debug',
} as const

/** Only limits and levels are harmless to show; a collector's headers may hold a password, so all of it is a secret. */
export function environmentSecret(
  environment: Readonly<Record<string, string>>,
  namespace: pulumi.Input<string>,
  parent: pulumi.Resource,
) {
  if (Object.keys(environment).length === 0) return { envFrom: [] }
  const name = 'token-service-environment'
  const data = Object.fromEntries(
    Object.entries(environment).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )
  const secret = new kubernetes.core.v1.Secret(
    name,
    {
      // Pulumi gives new content a new random name, so that the pods roll over. A digest in the name would allow
      // guessing.
      metadata: { namespace, labels: labels('token-service') },
      data: pulumi.secret(data),
      immutable: true,
    },
    { parent },
  )
  return { envFrom: [{ secretRef: { name: secret.metadata.name } }] }
}

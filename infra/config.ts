/**
 * The stack's configuration as one checked value.
 *
 * Everything wrong is told at once, and before anything is made: a program that stops half-way through leaves a
 * person with half a registry. Types, descriptions and defaults are declared in Pulumi.yaml; what a value may be is
 * decided here.
 */
import * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'
import { sourceSchema } from './authentik/source-keys.ts'
import { ciUserName, MAX_USER_NAME } from './authentik/user-name.ts'

const PROJECT = 'passwordless-registry'

/** Longer-lived registry tokens would outlive a change of groups for too long; clients fetch a new one by themselves. */
const MAX_TOKEN_LIFETIME_MINUTES = 60
/** RFC 1035 §2.3.4 */
const MAX_HOST_NAME = 253
/** authentik's limit for the name of a group is higher; its page shows no more. */
const MAX_GROUP_NAME = 80

const optional = <T extends z.ZodType>(schema: T) =>
  z
    .literal('')
    .transform(() => undefined)
    .or(schema)
const text = (pattern: RegExp, expected: string) => z.string({ error: expected }).regex(pattern, { error: expected })
const name = text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a Kubernetes name: a-z, 0-9 and "-"')
const qualifiedName = text(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'a Kubernetes name: a-z, 0-9, "-" and "."')
const image = text(/^[\w./:@-]+$/, 'an image reference')
const groupName = text(/^\P{C}+$/u, 'the name of an authentik group').max(MAX_GROUP_NAME, {
  error: `a group name of at most ${MAX_GROUP_NAME} characters`,
})

const subject = z
  .string({ error: 'the `sub` claim of a CI job' })
  .min(1, { error: 'the `sub` claim of a CI job, not an empty string' })
  .refine((sub) => [...ciUserName(sub)].length <= MAX_USER_NAME, {
    error: ({ input }) =>
      `a subject whose user name "${ciUserName('<sub>')}" has at most ${MAX_USER_NAME} characters, ` +
      `as authentik finds no longer one; this one has ${[...ciUserName(String(input))].length}`,
  })

const settings = {
  host: {
    // A host of digits only would be an IP address, which an Ingress does not take.
    schema: text(
      /^(?!.*\.\.)(?![\d.]+(:|$))[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[1-9]\d{0,4})?$/,
      'a host name in lower case, with an optional port and without https://',
    ).max(MAX_HOST_NAME, { error: `a host name of at most ${MAX_HOST_NAME} characters` }),
    example: 'registry.example.com',
  },
  authentikUrl: {
    schema: z.url({ protocol: /^https?$/, error: 'an http or https URL' }).transform((url) => url.replace(/\/+$/, '')),
    example: 'https://authentik.example.com',
  },
  audience: {
    // Inserted into workflow texts, where $ and { would start an expression.
    schema: optional(
      text(/^[\w.~:/?#@!&*+,;=%-]{1,255}$/, 'an audience of letters, digits and URL characters, without $ and {'),
    ),
    example: 'registry.example.com',
  },
  clientId: { schema: text(/^[\w.-]{1,255}$/, 'letters, digits, ".", "_" and "-"'), example: 'docker-registry' },
  tokenLifetimeMinutes: {
    schema: z.coerce
      .number({ error: 'a whole number of minutes' })
      .int({ error: 'a whole number of minutes' })
      .min(1, { error: 'at least 1 minute' })
      .max(MAX_TOKEN_LIFETIME_MINUTES, { error: `at most ${MAX_TOKEN_LIFETIME_MINUTES} minutes` }),
    example: '10',
  },
  pushGroup: { schema: groupName, example: 'acl_docker_push' },
  pullGroup: { schema: groupName, example: 'acl_docker_pull' },
  sources: {
    schema: z
      .array(sourceSchema, { error: 'a list of { slug, platform, url }' })
      .min(1, { error: 'at least one source' })
      .refine((sources) => new Set(sources.map(({ slug }) => slug)).size === sources.length, {
        error: 'a different slug for each source',
      }),
    path: 'sources[0]',
    example: '{"slug": "github", "platform": "github"}',
  },
  pushSubjects: {
    schema: z.array(subject, { error: 'a list of `sub` claims' }),
    path: 'pushSubjects[0]',
    example: 'repo:acme/app:ref:refs/heads/main',
  },
  pullSubjects: {
    schema: z.array(subject, { error: 'a list of `sub` claims' }),
    path: 'pullSubjects[0]',
    example: 'repo:acme/app:ref:refs/heads/main',
  },
  namespace: { schema: name, example: 'passwordless-registry' },
  ingressClass: { schema: optional(qualifiedName), example: 'nginx' },
  ingressTlsSecret: { schema: optional(qualifiedName), example: 'registry-tls' },
  ingressAnnotations: {
    schema: z.record(z.string(), z.string({ error: 'a text; numbers and booleans need quotes' }), {
      error: 'a map of annotation to text',
    }),
    path: 'ingressAnnotations["cert-manager.io/cluster-issuer"]',
    example: 'letsencrypt',
  },
  storageClass: { schema: optional(qualifiedName), example: 'standard' },
  storageSize: { schema: text(/^[1-9]\d*(Mi|Gi|Ti|M|G|T)$/, 'a size with its unit'), example: '20Gi' },
  image: { schema: optional(image), example: 'registry.example.com/token-service:1.0.0' },
  nodeImage: { schema: image, example: 'docker.io/library/node:24' },
  registryImage: { schema: image, example: 'docker.io/library/registry:3.1.2' },
} satisfies Record<string, { schema: z.ZodType; example: string; path?: string }>

type SettingName = keyof typeof settings
type Values = { [Name in SettingName]: z.output<(typeof settings)[Name]['schema']> }

/** The checked configuration. Empty optional settings are undefined; URLs end without a slash. */
export type Settings = Omit<Values, 'audience'> & { audience: string }

/** What Pulumi hands over: the texts of our own settings by name, and what the authentik provider will use. */
export interface RawSettings {
  settings: Record<string, string>
  authentikUrl: string | undefined
  hasAuthentikToken: boolean
}

/**
 * Checks the whole configuration.
 *
 * @throws RunError listing every mistake: its key, what was expected, an example and the command that sets it
 */
export function parseSettings({ settings: given, authentikUrl, hasAuthentikToken }: RawSettings): Settings {
  const mistakes: string[] = []
  const values: Record<string, unknown> = {}

  if (!hasAuthentikToken) {
    mistakes.push(mistake('authentik:token', 'an API token of authentik', 'not set', '--secret authentik:token'))
  }
  for (const unknown of Object.keys(given).filter((key) => !(key in settings))) {
    mistakes.push(`${PROJECT}:${unknown}: there is no such setting. To remove it: pulumi config rm ${unknown}`)
  }
  for (const key of Object.keys(settings) as SettingName[]) {
    const setting: { schema: z.ZodType; example: string; path?: string } = settings[key]
    // The token service uses the address that the program uses, unless told otherwise.
    const value = key === 'authentikUrl' ? given[key] || authentikUrl || '' : (given[key] ?? '')
    const result = setting.schema.safeParse('path' in setting ? fromJson(value) : value)
    if (result.success) {
      values[key] = result.data
      continue
    }
    const command = setting.path ? `--path '${setting.path}'` : key
    for (const issue of result.error.issues) {
      const at = `${PROJECT}:${[key, ...issue.path].join('.')}`
      mistakes.push(
        key === 'authentikUrl' && value === ''
          ? mistake('authentik:url', 'the URL of authentik', 'not set', `authentik:url ${setting.example}`)
          : mistake(at, issue.message, shown(value), `${command} '${setting.example}'`),
      )
    }
  }
  if (values.pushGroup !== undefined && values.pushGroup === values.pullGroup) {
    mistakes.push(
      mistake(
        `${PROJECT}:pullGroup`,
        'another group than pushGroup',
        shown(given.pullGroup),
        "pullGroup 'acl_docker_pull'",
      ),
    )
  }
  if (mistakes.length > 0) {
    throw new pulumi.RunError(
      `The configuration needs ${mistakes.length === 1 ? 'a correction' : `${mistakes.length} corrections`}; ` +
        `nothing was changed.\n\n${mistakes.join('\n\n')}\n`,
    )
  }
  const checked = values as Values
  return { ...checked, audience: checked.audience ?? checked.host }
}

/** The stack's configuration, checked. @throws RunError as {@link parseSettings} */
export function readSettings(): Settings {
  const prefix = `${PROJECT}:`
  const given = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix))
  const authentik = new pulumi.Config('authentik')
  return parseSettings({
    settings: Object.fromEntries(given.map(([key, value]) => [key.slice(prefix.length), value])),
    authentikUrl: authentik.get('url') ?? process.env.AUTHENTIK_URL,
    hasAuthentikToken: Boolean(authentik.getSecret('token') ?? process.env.AUTHENTIK_TOKEN),
  })
}

const mistake = (key: string, expected: string, came: string, command: string) =>
  `${key}: expected ${expected}; it is ${came}.\n  pulumi config set ${command}`

/** A value as a message shows it: short, because the mistake may be a whole file pasted by accident. */
function shown(value: string | undefined): string {
  const MAX_SHOWN = 60
  if (!value) return 'not set'
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value)
}

/** Lists and maps arrive as JSON text. What is no JSON stays as it is, for the schema to refuse. */
function fromJson(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

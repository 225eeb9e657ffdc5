/** What the command prints: nothing that it does not know, and no secret. */
import type { Step } from './preview.ts'
import type { Adoptable, Refused, Search } from './search.ts'

/** How many users of an object are listed. */
const SHOWN_USERS = 5

const KINDS: Readonly<Record<string, string>> = {
  Application: 'application',
  CertificateKeyPair: 'key pair',
  Group: 'group',
  PolicyBinding: 'binding of the policy to application',
  PolicyExpression: 'policy',
  PropertyMappingProviderScope: 'scope mapping',
  ProviderOauth2: 'provider',
  SourceOauth: 'source',
}

export const inWords = ({ type, name, inputs }: Step): string => {
  const kind = type.split(':').at(-1) ?? type
  const own = kind === 'Application' ? inputs.slug : (inputs.slug ?? inputs.name)
  return `${KINDS[kind] ?? kind} ${typeof own === 'string' ? own : name}`
}

export function report(found: Search, steps: readonly Step[], stack: string): string {
  const kubernetes = steps.filter(({ op, type }) => op === 'create' && type.startsWith('kubernetes:')).length
  const blocks = [
    ...section(
      `In authentik but not in the state of stack ${stack}. The stack would adopt:`,
      found.adoptable.map(adopted),
    ),
    ...section('Refused:', found.refused.map(refused)),
    ...section(
      'Not in authentik; `pulumi up` will create it:',
      found.missing.map((step) => `  ${inWords(step)}`),
    ),
  ]
  if (kubernetes > 0) {
    blocks.push(
      `Not checked: ${kubernetes} objects of Kubernetes. \`pulumi up\` takes over those that exist by server-side apply, ` +
        'and stops if somebody else owns a field.',
    )
  }
  return blocks.join('\n')
}

const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : [title, ...lines, ''])

function adopted({ step, id, changes, usedBy, left }: Adoptable): string {
  const lines = [`  ${inWords(step)}${/^[\w-]{1,36}$/.test(id) && id !== step.name ? ` (${id})` : ''}`]
  if (changes.length === 0) lines.push('    as it is')
  for (const { field, inWords: words } of changes)
    lines.push(`    overwritten: ${field}${words === undefined ? '' : `: ${words}`}`)
  if (changes.some(({ field }) => field === 'keyData')) {
    lines.push('    its private key is replaced: what was signed with it is not accepted any more')
  }
  for (const sentence of left) lines.push(`    left: ${sentence}`)
  if (usedBy === undefined) lines.push('    what else uses it could not be found out')
  else if (usedBy.length > 0) {
    const more = usedBy.length > SHOWN_USERS ? ` and ${usedBy.length - SHOWN_USERS} more` : ''
    lines.push(`    also used by ${usedBy.slice(0, SHOWN_USERS).join(', ')}${more}`)
  }
  return lines.join('\n')
}

const refused = ({ step, reason }: Refused) => `  ${inWords(step)}: ${reason}`

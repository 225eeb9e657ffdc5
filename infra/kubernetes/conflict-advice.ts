/**
 * What to do when something else changed a field that the stack sets: `kubectl scale`, an autoscaler, a controller. The
 * API server then refuses the whole update, and the provider's own message only links to a page.
 */
import * as pulumi from '@pulumi/pulumi'

/** Who changed what, according to the API server. */
export interface Conflict {
  owner: string
  /** `.spec.replicas` */
  fields: string[]
}

/** The API server's message about a conflict (apimachinery, managedfields/internal/conflict.go). */
const CONFLICT =
  /conflicts? with "([^"]+)"(?: with subresource "([^"]+)")?(?: using [^\s:]+(?: at \S+?)?)?:((?:\n- [^\n]+)+| [^\n]+)/g

/** The conflicts in the errors of a failed update. */
export function conflictsIn(errors: readonly string[]): Conflict[] {
  return [...(errors[0] ?? '').matchAll(CONFLICT)].map(([, manager = '', subresource, fields = '']) => ({
    owner: subresource === undefined ? manager : `${manager} (${subresource})`,
    fields: fields
      .split(/\n- /)
      .map((field) => field.trim())
      .filter((field) => field !== ''),
  }))
}

/** The message for people. */
export function inWords(object: string, conflicts: readonly Conflict[]): string {
  const replicas = conflicts.some(({ fields }) => fields.includes('.spec.replicas'))
  return [
    `${object} was changed from outside since the last \`pulumi up\`:`,
    ...conflicts.map(({ owner, fields }) => `  ${fields.join(', ')} by ${owner}`),
    ...(replicas ? ['To leave the number of pods to them: pulumi config set replicas 0'] : []),
    'To set the fields as the stack has them: PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up',
  ].join('\n')
}

let hook: pulumi.ErrorHook | undefined

/** Resource hooks that print this message. */
export function conflictAdvice(): pulumi.ResourceHookBinding {
  hook ??= new pulumi.ErrorHook('field-conflicts', async ({ type, newInputs, errors }) => {
    const conflicts = conflictsIn(errors)
    if (conflicts.length === 0) return false
    const { namespace, name } = newInputs?.metadata ?? {}
    const kind = type.split(':').at(-1)
    await pulumi.log.error(inWords(`${kind} "${[namespace, name].filter(Boolean).join('/')}"`, conflicts))
    return false
  })
  return { onError: [hook] }
}

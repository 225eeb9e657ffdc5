/**
 * What to do when authentik already holds an object that the stack's state does not know: made by hand, left by
 * another stack, or made by an `up` whose answer was lost. authentik's own error says only that a name is taken.
 */
import * as authentik from '@pulumi/authentik'
import sdk from '@pulumi/authentik/package.json' with { type: 'json' }
import * as pulumi from '@pulumi/pulumi'
import { authentikAccess, findObject } from './find-object.ts'

/** authentik's wordings for "this name is taken" (Django REST framework's UniqueValidator and UniqueTogether). */
const NAME_TAKEN = /already exists|must be unique|must make a unique set/i

/** The inputs by which an object is found. */
interface Taken {
  name: string
  slug: string
  policy: string
  target: string
}

/** Looks up the import id of an object, by its type and the inputs that are taken. */
const importIds: Record<string, (taken: Taken) => Promise<string>> = {
  'authentik:index/application:Application': async ({ slug }) => slug,
  'authentik:index/sourceOauth:SourceOauth': async ({ slug }) => slug,
  'authentik:index/group:Group': async ({ name }) => (await authentik.getGroup({ name })).id,
  'authentik:index/certificateKeyPair:CertificateKeyPair': async ({ name }) =>
    (await authentik.getCertificateKeyPair({ name, fetchCertificate: false, fetchKey: false })).id,
  'authentik:index/propertyMappingProviderScope:PropertyMappingProviderScope': async ({ name }) =>
    (await authentik.getPropertyMappingProviderScope({ name })).id,
  'authentik:index/providerOauth2:ProviderOauth2': async ({ name }) =>
    String((await authentik.getProviderOauth2Config({ name })).providerId),
  'authentik:index/policyExpression:PolicyExpression': async ({ name }) =>
    findObject(await authentikAccess(), 'policies/expression', { name }),
  'authentik:index/policyBinding:PolicyBinding': async ({ policy, target }) =>
    findObject(await authentikAccess(), 'policies/bindings', { policy, target }),
}

/** A resource operation that failed, as the engine's error hook tells it. */
export interface Failure {
  type: string
  name: string
  operation: string
  errors: string[]
}

/** Whether an object could not be made because another one has its name. */
export const isNameTaken = ({ operation, errors }: Failure): boolean =>
  operation === 'create' && errors.some((error) => NAME_TAKEN.test(error))

/**
 * What to tell a person whose `pulumi up` met an object with the same name; `id` is left open if it is not known.
 *
 * The command names the component, or the object would stand outside of it; the provider, or Pulumi would look for one
 * called authentik in its own registry; and takes away the protection that an import brings.
 */
export function adoptionCommand({ type, name }: Failure, id: string | undefined, parentUrn: string): string {
  const stackUrn = parentUrn.split('::').slice(0, 2).join('::')
  const provider = `${stackUrn}::pulumi:providers:authentik::default_${sdk.version.replaceAll('.', '_')}`
  return [
    `authentik already holds "${name}" (${type}), and this stack does not know it. To adopt it:`,
    `  pulumi import ${type} ${quoted(name)} ${id === undefined ? 'ID' : quoted(id)} \\`,
    `    --parent ${quoted(`parent=${parentUrn}`)} \\`,
    `    --provider ${quoted(`authentik=${provider}`)} --protect=false --generate-code=false`,
    `${id === undefined ? 'where ID is its primary key in authentik; ' : ''}then run \`pulumi up\` again. ` +
      'If nothing uses it, delete it in authentik instead.',
  ].join('\n')
}

/**
 * Resource hooks that print the command by which a child of this component can be adopted.
 *
 * @param label distinguishes the hooks of one program, as the engine wants it
 */
export function adoptionAdvice(parent: pulumi.ComponentResource, label: string): pulumi.ResourceHookBinding {
  const hook = new pulumi.ErrorHook(`adoption-${label}`, async ({ type, name, failedOperation, newInputs, errors }) => {
    const failed = { type, name, operation: failedOperation, errors }
    if (!isNameTaken(failed)) return false
    // Without an answer to the look-up the command is printed with a gap, which is still better than none.
    const id = await importIds[type]?.({ name: '', slug: '', policy: '', target: '', ...newInputs }).catch(
      () => undefined,
    )
    const parentUrn = await new Promise<string>((resolve) => parent.urn.apply(resolve))
    await pulumi.log.error(adoptionCommand(failed, id, parentUrn))
    return false
  })
  return { onError: [hook] }
}

/** For a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`

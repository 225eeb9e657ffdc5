/** All resource types of the package, by token. */
import type { Kind } from '../kind.ts'
import { application } from './application.ts'
import { group, token, user } from './directory.ts'
import { flow } from './flow.ts'
import { certificateKeyPair } from './keypair.ts'
import { policyBinding, policyExpression } from './policy.ts'
import { providerOauth2, scopeMapping } from './provider.ts'
import { sourceOauth } from './source.ts'

const KINDS: Record<string, Kind> = {
  'authentik:index/application:Application': application,
  'authentik:index/certificateKeyPair:CertificateKeyPair': certificateKeyPair,
  'authentik:index/flow:Flow': flow,
  'authentik:index/group:Group': group,
  'authentik:index/policyBinding:PolicyBinding': policyBinding,
  'authentik:index/policyExpression:PolicyExpression': policyExpression,
  'authentik:index/propertyMappingProviderScope:PropertyMappingProviderScope': scopeMapping,
  'authentik:index/providerOauth2:ProviderOauth2': providerOauth2,
  'authentik:index/sourceOauth:SourceOauth': sourceOauth,
  'authentik:index/token:Token': token,
  'authentik:index/user:User': user,
}

/** Throws for a type that the stand-in does not know. */
export function kindOf(type: string): Kind {
  const found = KINDS[type]
  if (!found) throw new Error(`the stand-in for authentik's Terraform provider does not know ${type}`)
  return found
}

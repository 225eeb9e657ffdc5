/** Every kind of object that the stand-in's API serves. */
import type { Resource } from '../resource.ts'
import { accessTokens } from './access-token.ts'
import { applications } from './application.ts'
import { bindings } from './binding.ts'
import { certificates } from './certificate.ts'
import { policies, scopeMappings } from './expression.ts'
import { flows } from './flow.ts'
import { groups } from './group.ts'
import { providers } from './provider.ts'
import { sources } from './source.ts'
import { staticTokens } from './static-token.ts'
import { users } from './user.ts'

export const resources: readonly Resource[] = [
  accessTokens,
  applications,
  bindings,
  certificates,
  flows,
  groups,
  policies,
  providers,
  scopeMappings,
  sources,
  staticTokens,
  users,
]

/** Names under which authentik knows CI jobs. */
import { REGISTRY_NAME } from './names.ts'

/** authentik answers a longer name with status 405 and an empty body. */
export const MAX_USER_NAME = 150

/** The user that authentik looks up, or makes, when a CI token with this `sub` arrives at the registry's provider. */
export const ciUserName = (sub: string): string => `${REGISTRY_NAME}-${sub}`

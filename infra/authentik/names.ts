import { REGISTRY_APPLICATION, sessionNames } from '../../trust/language/document.ts'

/** Provider, application, scope mapping, scope and key pair of the registry share one name in authentik. */
export const REGISTRY_NAME = REGISTRY_APPLICATION

/** Provider, application, client id, scope mapping and scope of sessions share one name, too. */
export const SESSION_NAME = sessionNames.application

/** The consumer key of our sources, by which nobody can log in; one with another key is somebody's login source. */
export const UNUSED_CONSUMER = 'unused'

/** Where authentik wants an address that nothing must ever use (RFC 6761 section 6.4). */
export const UNUSED_URL = 'https://unused.invalid'

/**
 * The issuer in registry tokens and in sessions: authentik's root, as both providers have the global issuer mode. It
 * makes it from the address by which it is called, so it follows from how the token service reaches authentik; the
 * registry compares it to the letter, trailing slash included.
 */
export const issuer = (authentikUrl: string): string => `${authentikUrl}/`

/** Where authentik publishes the keys with which it signs registry tokens. */
export const jwksUrl = (authentikUrl: string): string => `${authentikUrl}/application/o/${REGISTRY_NAME}/jwks/`

/** authentik's token endpoint, shared by all its providers. */
export const tokenEndpoint = (authentikUrl: string): string => `${authentikUrl}/application/o/token/`

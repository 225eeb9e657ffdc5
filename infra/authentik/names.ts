import { REGISTRY_APPLICATION, sessionNames } from '../../trust/language/document.ts'

/** Provider, application, scope mapping, scope and key pair of the registry share one name in authentik. */
export const REGISTRY_NAME = REGISTRY_APPLICATION

/** Of the policy that decides who gets a token, bound to both applications. */
export const TRUST_POLICY_NAME = `${REGISTRY_NAME}-trust`

/** Provider, application, client id, scope mapping and scope of sessions share one name, too. */
export const SESSION_NAME = sessionNames.application

/** The consumer key of our sources, which makes logging in through them impossible. Other sources are login sources. */
export const UNUSED_CONSUMER = 'unused'

/** For addresses that authentik requires but must never be used (RFC 6761 section 6.4). */
export const UNUSED_URL = 'https://unused.invalid'

/**
 * The issuer in registry tokens and in sessions: authentik's root URL, since both providers have the global issuer
 * mode. authentik derives it from the address by which the token service calls it. The registry compares it exactly,
 * including the trailing slash.
 */
export const issuer = (authentikUrl: string): string => `${authentikUrl}/`

/** Where authentik publishes the keys with which it signs registry tokens. */
export const jwksUrl = (authentikUrl: string): string => `${authentikUrl}/application/o/${REGISTRY_NAME}/jwks/`

/** authentik's token endpoint, shared by all its providers. */
export const tokenEndpoint = (authentikUrl: string): string => `${authentikUrl}/application/o/token/`

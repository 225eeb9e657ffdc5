/** As which authentik the stand-in answers in these tests: the newest, unless authentik-2026.2.test.ts runs them. */
import { NEWEST_VERSION } from '../../local/authentik/version.ts'

export const authentikVersion = process.env.AUTHENTIK_VERSION ?? NEWEST_VERSION

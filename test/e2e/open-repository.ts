/** A stack that opens a repository to pulls without login. */
import { parse, stringify } from 'yaml'

export const OPEN = 'acme/app/public'

/** The stack's config with a repository open; the rule for the token service's account follows from it. */
export function opened(config: string): string {
  const file = parse(config)
  file.config['passwordless-registry:anonymousPull'] = [OPEN]
  return stringify(file)
}

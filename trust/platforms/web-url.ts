import { githubWebUrl } from './github-issuer.ts'
import type { Platform } from './platform-claims.ts'

/** Where people see the jobs of an issuer, without a slash at the end; undefined where that is not known. */
export function webUrl({ platform, issuer }: { platform: Platform; issuer: string }): string | undefined {
  if (platform === 'github') return githubWebUrl(issuer)
  // A GitLab is its own issuer (docs.gitlab.com, "OpenID Connect ID tokens").
  return platform === 'gitlab' ? issuer.replace(/\/+$/, '') : undefined
}

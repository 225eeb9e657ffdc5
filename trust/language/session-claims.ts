/** Whether a session has room for the claims that rules need; ci_session.py leaves out what does not fit. */

import { quote } from '../decision/quote.ts'
import { templateClaims } from '../decision/repository-names.ts'
import { MAX_SESSION_CLAIMS_BYTES } from '../limits.ts'
import type { Finding } from './findings.ts'
import type { TrustRule } from './rule-schema.ts'
import type { TrustSource } from './source-schema.ts'

/** A path of a repository or project: GitHub allows 39 and 100 characters for owner and name, GitLab 255 in all. */
const PATH = 255
/** A branch or tag; git limits it to what a file name can be. */
const REF = 266
/** Usual size of a claim by the end of its name; the first match counts. */
const usualBytes: readonly (readonly [ending: RegExp, bytes: number])[] = [
  [/(workflow_ref|config_ref_uri)$/, 2 * PATH + REF],
  [/^sub$/, PATH + REF],
  [/(ref|ref_path)$/, REF],
  [/^repository$/, 140],
  [/^(repository_owner|actor|enterprise)$/, 39],
  [/path$/, PATH],
  [/sha$/, 40],
  [/(_id|_number|_attempt|_protected|_type)$/, 20],
]
const OTHER_BYTES = 100
/** Quotes, colon and comma of `"name":"...",`. */
const JSON_BYTES = 6

/** A warning for each source whose rules together could need more claims than fit into a session. */
export function sessionFindings(rules: readonly TrustRule[], sources: readonly TrustSource[]): Finding[] {
  return sources.flatMap(({ slug }) => {
    const bytes = neededBytes(rules.filter(({ source }) => source === slug))
    if (bytes <= MAX_SESSION_CLAIMS_BYTES) return []
    const wrong =
      `the claims that the rules of source ${quote(slug)} use can take ${bytes} bytes, but a session keeps only ` +
      `${MAX_SESSION_CLAIMS_BYTES}; the session of a job with long names might then match no rule`
    const example = 'fewer claims: { repository_owner_id: "501", ref: "refs/heads/main" }'
    return [{ severity: 'warning', code: 'session-too-long', field: 'claims', wrong, example }]
  })
}

function neededBytes(rules: readonly TrustRule[]): number {
  const longest = new Map<string, number>()
  const need = (claim: string, bytes: number) => longest.set(claim, Math.max(bytes, longest.get(claim) ?? 0))
  for (const { claims, push, pull, delete: deletes } of rules) {
    for (const [claim, patterns] of claims) {
      for (const pattern of patterns) need(claim, pattern.includes('*') ? usual(claim) : Buffer.byteLength(pattern))
    }
    for (const claim of [...push, ...pull, ...deletes].flatMap(templateClaims)) need(claim, usual(claim))
  }
  return [...longest].reduce((sum, [claim, bytes]) => sum + claim.length + bytes + JSON_BYTES, 0)
}

const usual = (claim: string) => usualBytes.find(([ending]) => ending.test(claim))?.[1] ?? OTHER_BYTES

/**
 * Limits of the trust rules. Those that decisions depend on are also in infra/authentik/expressions/trust.py; a test
 * compares them.
 */

/**
 * A claim longer than this, in bytes of UTF-8, counts as absent. GitHub's longest (`job_workflow_ref`) stays under 600.
 */
export const MAX_CLAIM_BYTES = 1024
/** distribution's reference grammar: RepositoryNameTotalLengthMax. */
export const MAX_NAME_CHARACTERS = 255
/** Scopes considered in one request; docker asks for at most two, kaniko for a handful. */
export const MAX_SCOPES = 500
/** How far clocks may differ, in either direction. */
export const LEEWAY_SECONDS = 30

/** A pattern or name template in a rule, in UTF-16 units. */
export const MAX_PATTERN_CHARACTERS = 512
/** `*` and `**` in one pattern: together with the length of a claim, this limits the work of a comparison. */
export const MAX_WILDCARDS = 8
export const MAX_RULES = 5_000
export const MAX_PATTERNS_PER_FIELD = 200
/** Different claims that all rules together use, and that a session can contain. */
export const MAX_CLAIMS_IN_USE = 64

/**
 * The claims in a session, as JSON. Windows' credential store holds 2,560 bytes (CRED_MAX_CREDENTIAL_BLOB_SIZE), a
 * whole session stays below 2,400, and the rest of it takes up to 1,050. ci_session.py leaves out what does not fit.
 */
export const MAX_SESSION_CLAIMS_BYTES = 1_000

/** A ConfigMap can be 1 MiB (Kubernetes API reference), and the token service gets the compiled rules in one. */
export const MAX_DOCUMENT_BYTES = 1_000_000

/** A CI token has 1 to 2 kB; a session with many claims less than 8. */
export const MAX_TOKEN_CHARACTERS = 16 * 1024
/** How much of a claim a sentence quotes. */
export const MAX_QUOTED_CHARACTERS = 120

/** What the doctor found: one line for each thing that it looked at. */

export interface Finding {
  /** Stable, for machines: `tls`, `source github`. */
  readonly check: string
  /** `skipped` where this machine cannot see it, or has not been given what it takes. */
  readonly state: 'ok' | 'wrong' | 'skipped'
  /** What came. */
  readonly found: string
  /** Why it matters; for what is wrong. */
  readonly why?: string
  /** What to do about it; for what is wrong and for what was skipped. */
  readonly fix?: string
}

export const NEEDS_TOKEN = 'set AUTHENTIK_TOKEN to an API token of an administrator'

export const ok = (check: string, found: string): Finding => ({ check, state: 'ok', found })
export const skipped = (check: string, found: string, fix: string): Finding => ({ check, state: 'skipped', found, fix })
export const wrong = (check: string, found: string, why: string, fix: string): Finding => ({
  check,
  state: 'wrong',
  found,
  why,
  fix,
})

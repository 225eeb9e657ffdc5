/**
 * As which authentik the stand-in answers. Two sets of rules are known: those of 2026.2, recorded from the real one,
 * and those of 2026.5 and newer, in their strictest reading. docs/observed-behaviour.md says what differs.
 */

/** The version whose answers were recorded. */
export const RECORDED_VERSION = '2026.2.2'

/** The version that the stand-in answers as by default. */
export const NEWEST_VERSION = '2026.8.3'

/** authentik's releases are a year and a month; the patch level and what follows it change no rule. */
const VERSION = /^(\d{4})\.(\d{1,2})(\.|-|$)/

/** Releases that brought a change. */
export type Release = '2026.5' | '2026.8'

/**
 * Whether `version` ("2026.8.3") is of this release or of a newer one.
 * @throws Error where it is not a version of authentik
 */
export function isSince(release: Release, version: string): boolean {
  const [year, month] = numbers(version)
  const [sinceYear, sinceMonth] = numbers(release)
  return year > sinceYear || (year === sinceYear && month >= sinceMonth)
}

function numbers(version: string): [number, number] {
  const [, year, month] = VERSION.exec(version) ?? []
  if (year === undefined) {
    throw new Error(`stand-in authentik: "${version}" is not a version; expected one such as ${NEWEST_VERSION}`)
  }
  return [Number(year), Number(month)]
}

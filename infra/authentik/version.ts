/** Versions of authentik: which of them this program works with, and what each can do. */

/** A release: authentik names it after the year and the month. Patches and pre-releases behave as their release. */
export interface AuthentikVersion {
  /** As authentik reports it. */
  readonly text: string
  readonly year: number
  readonly month: number
}

/** The oldest release that authentik itself still supports; since then a provider has a list of grant types. */
const OLDEST_SUPPORTED = { year: 2026, month: 5 }
/** The oldest one that this program was tested with. */
const OLDEST_WORKING = { year: 2026, month: 2 }

const written = ({ year, month }: { year: number; month: number }) => `${year}.${month}`
export const oldestSupported = written(OLDEST_SUPPORTED)
export const oldestWorking = written(OLDEST_WORKING)

const VERSION = /^(?<year>\d{4})\.(?<month>\d{1,2})(\.\d{1,4})?([-+.]?[a-z][\w.+-]{0,40})?$/i
const MONTHS = 12

/** Reads 2026.8.1, 2026.12, 2027.2.0-rc1; undefined for anything else. */
export function parseVersion(text: unknown): AuthentikVersion | undefined {
  const { year, month } = (typeof text === 'string' && VERSION.exec(text)?.groups) || {}
  if (year === undefined || Number(month) < 1 || Number(month) > MONTHS) return undefined
  return { text: String(text), year: Number(year), month: Number(month) }
}

const isBefore = (version: AuthentikVersion, { year, month }: { year: number; month: number }) =>
  version.year < year || (version.year === year && version.month < month)

export const isTooOld = (version: AuthentikVersion): boolean => isBefore(version, OLDEST_WORKING)

/** Whether it works although authentik no longer supports it. */
export const isOutOfSupport = (version: AuthentikVersion): boolean => isBefore(version, OLDEST_SUPPORTED)

/** Whether a provider has a list of grants, and accepts none without it. */
export const hasGrantTypes = (version: AuthentikVersion): boolean => !isBefore(version, OLDEST_SUPPORTED)

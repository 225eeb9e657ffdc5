/** authentik's notation for durations: `hours=1;minutes=2`, a sum of Python timedelta arguments. */
const SECONDS: Record<string, number> = {
  microseconds: 1e-6,
  milliseconds: 1e-3,
  seconds: 1,
  minutes: 60,
  hours: 3600,
  days: 86_400,
  weeks: 604_800,
}

/**
 * @param text such as `minutes=10` or `hours=1;seconds=30`
 * @returns seconds, or undefined where the text is not in that notation
 */
export function durationSeconds(text: string): number | undefined {
  let total = 0
  for (const part of text.split(';')) {
    const [, unit = '', amount] = /^\s*([a-z]+)\s*=\s*(\d+(?:\.\d+)?)\s*$/i.exec(part) ?? []
    const seconds = SECONDS[unit.toLowerCase()]
    if (seconds === undefined) return undefined
    total += seconds * Number(amount)
  }
  return total
}

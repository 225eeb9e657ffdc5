/** Resource quantities: the API server writes `0.5` as `500m` and `1024Mi` as `1Gi`. */

const MULTIPLIERS: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** The number that a quantity stands for; `undefined` when the value is none. */
export function parseQuantity(value: unknown): number | undefined {
  const match = /^([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(String(value))
  if (!match) return undefined
  return Number(match[1]) * (MULTIPLIERS[match[2] ?? ''] ?? Number.NaN)
}

/** Whether two scalars are the same quantity, if not the same text. */
export function isSameQuantity(a: unknown, b: unknown): boolean {
  const [left, right] = [parseQuantity(a), parseQuantity(b)]
  return left !== undefined && left === right
}

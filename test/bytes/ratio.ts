/** Two ways compared in one run, round by round, so that what else the machine does meets both. */

/** Seconds that each took, one right after the other. */
export interface Round {
  stack: number
  alone: number
}

export interface Comparison {
  /** Medians. */
  stack: number
  alone: number
  /** The median of the rounds' ratios; 1.1 is a tenth more time. */
  ratio: number
  /** The smallest and the largest of them: the noise. */
  between: readonly [number, number]
}

/** @param rounds at least one */
export function compare(rounds: readonly Round[]): Comparison {
  const ratios = rounds.map(({ stack, alone }) => stack / alone)
  return {
    stack: median(rounds.map(({ stack }) => stack)),
    alone: median(rounds.map(({ alone }) => alone)),
    ratio: median(ratios),
    between: [Math.min(...ratios), Math.max(...ratios)],
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]]
  if (low === undefined || high === undefined) throw new Error('there is no median of nothing')
  return (low + high) / 2
}

/** One line for a person. */
export function inWords(what: string, { stack, alone, ratio, between: [least, most] }: Comparison): string {
  return (
    `${what}: ${ratio.toFixed(2)} times the registry alone (${least.toFixed(2)} to ${most.toFixed(2)}); ` +
    `${stack.toFixed(1)} s and ${alone.toFixed(1)} s`
  )
}

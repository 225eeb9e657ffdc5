/** Whether some text matches both of two patterns. */

/**
 * Walks through both patterns at once, over every pair of positions that some text can reach. Each pair is visited
 * once, so the work is at most the product of their lengths.
 */
export function globsMeet(one: string, other: string): boolean {
  const [a, b] = [tokens(one), tokens(other)]
  const seen = new Set<number>()
  const open: [number, number][] = [[0, 0]]
  const reach = (i: number, j: number) => {
    const place = i * (b.length + 1) + j
    if (seen.has(place)) return
    seen.add(place)
    open.push([i, j])
  }
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const [i, j] = at
    if (i === a.length && j === b.length) return true
    const [left, right] = [a[i], b[j]]
    if (isStar(left)) {
      reach(i + 1, j)
      if (right !== undefined && (isStar(right) || left === '**' || right !== '/')) reach(i, j + 1)
    }
    if (isStar(right)) {
      reach(i, j + 1)
      if (left !== undefined && (isStar(left) || right === '**' || left !== '/')) reach(i + 1, j)
    }
    if (left === right && left !== undefined) reach(i + 1, j + 1)
  }
  return false
}

const tokens = (pattern: string): string[] => pattern.match(/\*\*|./gsu) ?? []
const isStar = (token: string | undefined) => token === '*' || token === '**'

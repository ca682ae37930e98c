/**
 * The key somebody probably meant.
 */

/** The candidate with the fewest letters to change, the first of several; undefined where there is none. */
export function nearestKey(key: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map(name => ({ name, distance: editDistance(key.toLowerCase(), name) }))
  return ranked.sort((a, b) => a.distance - b.distance)[0]?.name
}

/** Levenshtein distance: letters to insert, remove or replace to make one word of the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let line = 1; line <= from.length; line++) {
    const next = [line]
    for (let column = 1; column <= to.length; column++) {
      const replaced = row[column - 1]! + (from[line - 1] === to[column - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[column]! + 1, next[column - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}

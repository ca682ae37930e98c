/** Where connections are cut. */
import type { Random } from '../random.ts'

/** The first connection is cut at the first place, the second at the second; later ones are not. */
export type Cuts = readonly number[]

/**
 * Cuts at every byte offset of a stream of `total` bytes, each followed by another cut half of the time; or at `most` of
 * these offsets, by chance, the very first and the very last always among them.
 */
export function cutsOf(total: number, most: number, random: Random): Cuts[] {
  const all = Array.from({ length: total + 1 }, (_, at) => at)
  const chosen = most > total ? all : sample(all, most, random)
  return chosen.map(at => (random.next() < 0.5 ? [at] : [at, random.between(0, total)]))
}

function sample(all: readonly number[], most: number, random: Random): number[] {
  const chosen = new Set([0, 1, all.length - 2, all.length - 1])
  while (chosen.size < most) chosen.add(random.pick(all))
  return [...chosen]
}

/** The list in groups of `size`, in an order by chance. */
export function shuffledGroups<T>(list: readonly T[], size: number, random: Random): T[][] {
  const order = list.map(one => ({ one, at: random.next() })).sort((a, b) => a.at - b.at)
  const groups: T[][] = []
  for (let at = 0; at < order.length; at += size)
    groups.push(order.slice(at, at + size).map(({ one }) => one))
  return groups
}

/**
 * The three classes of jobs. A class says how patient its caller is (`queue.patience_s`) and what share of
 * the time loading for it may take (`queue.load_share`); nothing else depends on it.
 */

/** Highest first. */
export const priorities = ['interactive', 'normal', 'batch'] as const

/** `interactive`: somebody waits. `normal`: minutes are fine. `batch`: any time today. */
export type Priority = (typeof priorities)[number]

const ranks: Readonly<Record<Priority, number>> = { interactive: 2, normal: 1, batch: 0 }

/** Higher is more urgent. */
export function rankOf(priority: Priority): number {
  return ranks[priority]
}

/** Narrows text from outside to a priority. */
export function isPriority(text: string): text is Priority {
  return Object.hasOwn(ranks, text)
}

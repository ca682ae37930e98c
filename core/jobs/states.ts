/**
 * The states of a job and the only ways between them.
 *
 *     queued ──► loading ──► working ──► done
 *       ▲  │        │           │  └───► failed
 *       └──┼────────┴───────────┤          (loading may fail too; queued when attempts are used up)
 *          │                    ▼
 *          ├──► canceled ◄── canceling   (canceling comes from loading and working)
 *          └──► expired
 *
 * `queued` also stands for the wait before a retry. An ended job never changes again.
 */

const ways = {
  queued: ['loading', 'working', 'canceled', 'expired', 'failed'],
  loading: ['working', 'queued', 'canceling', 'failed'],
  working: ['done', 'queued', 'canceling', 'failed'],
  canceling: ['canceled'],
  done: [],
  failed: [],
  canceled: [],
  expired: []
} as const

/** `expired` means that no attempt ever ran; the other words are the field's own. */
export type JobState = keyof typeof ways

/** Every state, in the order a job goes through them. */
export const jobStates = Object.keys(ways) as readonly JobState[]

/** Whether the table above has an arrow from `from` to `to`. */
export function mayBecome(from: JobState, to: JobState): boolean {
  return (ways[from] as readonly JobState[]).includes(to)
}

/** An ended job: done, failed, canceled or expired. */
export function hasEnded(state: JobState): boolean {
  return ways[state].length === 0
}

/**
 * The schedule: which runner the one worker serves next (ADR 0009).
 *
 * It knows no job, only *heads*: for each runner and priority the earliest due time among the jobs that
 * could run now. Runners are served in turns; a turn with work left ends only when the claim of another
 * runner is ripe. All times are milliseconds on one clock that the caller supplies, so the same code runs
 * against the wall clock and against a simulated one.
 */
import { type Priority, rankOf } from '../jobs/priority.ts'
import type { Head } from '../jobs/waiting.ts'
import type { LoadTimes } from './load-times.ts'
import { RecentMap } from './recent-map.ts'
import type { ReturnGaps } from './return-gaps.ts'

/** The two numbers of the schedule that a user can set (`queue.load_share`, `queue.linger`). */
export interface ScheduleRules {
  /** Part of the time, between 0 and 1, that loading for claims of this priority may take. */
  readonly loadShare: Readonly<Record<Priority, number>>
  /** Longest linger as a part of the next runner's load time, 0 to 1. */
  readonly linger: number
}

/** What to do now: serve a runner, wait for something to change until `until` (ms), or nothing to do. */
export type Decision =
  | { readonly serve: string }
  | { readonly lingerUntil: number; readonly for: string }
  | 'nothing waits'

interface Turn {
  readonly runner: string
  /** End of the load that began the turn. */
  readonly startedAt: number
  /** When the runner's last job ended; the turn's start before the first one has. */
  freeSince: number
}

/** Decides turns and keeps the three things they depend on: the turn, kept clocks, and ended turns. */
export class Schedule {
  #turn: Turn | undefined
  /** Clocks of claims that were overtaken by one made later. */
  #keptClocks: ReadonlyMap<string, number> = new Map<string, number>()
  /** When a runner lost the worker: what waits there then, or comes back for a retry, claims anew from there. */
  readonly #turnEndedAt = new RecentMap<string, number>()
  readonly #rules: ScheduleRules
  readonly #loadTimes: LoadTimes
  readonly #gaps: ReturnGaps

  constructor(rules: ScheduleRules, loadTimes: LoadTimes, gaps: ReturnGaps) {
    this.#rules = rules
    this.#loadTimes = loadTimes
    this.#gaps = gaps
  }

  /** The runner whose turn it is, if any is resident. */
  get resident(): string | undefined {
    return this.#turn?.runner
  }

  /** Chooses by the heads of all jobs that may run at `now`. Changes nothing. */
  decide(heads: readonly Head[], now: number): Decision {
    if (heads.length === 0) return 'nothing waits'
    const turn = this.#turn
    if (turn === undefined) return { serve: this.#earliest(heads).runner }

    const ownTop = topRank(heads, turn.runner)
    const others = heads.filter(head => head.runner !== turn.runner)
    const ripe = others.filter(head => this.#isClaim(head, ownTop, now) && now >= this.#ripeAt(head, turn))
    if (ripe.length > 0) return { serve: this.#earliest(ripe).runner }
    if (ownTop !== undefined) return { serve: turn.runner }
    return this.#lingerOrLeave(others, turn, now)
  }

  /**
   * The worker begins to swap to `runner` at `now`. Claims that this one overtakes although they were made
   * earlier keep their clock, else quick runners would hold off a slow one for ever.
   */
  leave(runner: string, heads: readonly Head[], now: number): void {
    const turn = this.#turn
    const ownTop = turn && topRank(heads, turn.runner)
    const chosen = heads.filter(head => head.runner === runner)
    const madeAt = chosen.length > 0 ? this.#madeAt(this.#earliest(chosen)) : Number.NEGATIVE_INFINITY
    const overtaken = new Map<string, number>()
    for (const head of heads) {
      if (turn === undefined || head.runner === runner || head.runner === turn.runner) continue
      if (this.#isClaim(head, ownTop, now) && this.#madeAt(head) < madeAt) {
        overtaken.set(head.runner, this.#clockOf(head.runner, turn))
      }
    }
    this.#keptClocks = overtaken
    if (turn !== undefined) this.#turnEndedAt.set(turn.runner, now)
    this.#turn = undefined
  }

  /** `runner` is loaded at `now`: its turn begins. */
  begin(runner: string, now: number): void {
    this.#turn = { runner, startedAt: now, freeSince: now }
  }

  /** `runner` could not be loaded, `now`: nothing is resident, and its claim counts anew like after a turn. */
  loadFailed(runner: string, now: number): void {
    this.#turnEndedAt.set(runner, now)
    this.#turn = undefined
  }

  /** A job of the resident runner ended at `now`: lingering counts from here. */
  jobEnded(now: number): void {
    if (this.#turn !== undefined) this.#turn.freeSince = now
  }

  /** Nothing is resident any more at `now`: it crashed or was unloaded. Its claim counts anew like after a turn. */
  forget(now: number): void {
    if (this.#turn !== undefined) this.#turnEndedAt.set(this.#turn.runner, now)
    this.#turn = undefined
  }

  #lingerOrLeave(others: readonly Head[], turn: Turn, now: number): Decision {
    const next = this.#earliest(others)
    const atMost = this.#rules.linger * this.#loadTimes.of(next.runner)
    const lingerEnd = turn.freeSince + this.#gaps.worthWaiting(turn.runner, atMost)
    const firstRipe = Math.min(...others.map(head => Math.max(head.dueAt, this.#ripeAt(head, turn))))
    const until = Math.min(lingerEnd, firstRipe)
    return now < until ? { lingerUntil: until, for: turn.runner } : { serve: next.runner }
  }

  /** A head of another runner claims the worker when due, or when above all the resident runner's waiting. */
  #isClaim(head: Head, ownTop: number | undefined, now: number): boolean {
    return head.dueAt <= now || (ownTop !== undefined && rankOf(head.priority) > ownTop)
  }

  /** When the turn has lasted long enough for this head's claim: (1 / share − 1) × the longer load. */
  #ripeAt(head: Head, turn: Turn): number {
    const load = Math.max(this.#loadTimes.of(head.runner), this.#loadTimes.of(turn.runner))
    return this.#clockOf(head.runner, turn) + (1 / this.#rules.loadShare[head.priority] - 1) * load
  }

  #clockOf(runner: string, turn: Turn): number {
    return this.#keptClocks.get(runner) ?? turn.startedAt
  }

  #madeAt(head: Head): number {
    return Math.max(head.dueAt, this.#turnEndedAt.get(head.runner) ?? head.dueAt)
  }

  #earliest(heads: readonly Head[]): Head {
    return heads.reduce((best, head) => (this.#madeAt(head) < this.#madeAt(best) ? head : best))
  }
}

function topRank(heads: readonly Head[], runner: string): number | undefined {
  let top: number | undefined
  for (const head of heads) {
    if (head.runner === runner) top = Math.max(top ?? 0, rankOf(head.priority))
  }
  return top
}

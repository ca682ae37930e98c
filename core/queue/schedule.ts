/**
 * The schedule: which runner the one worker serves next (ADR 0009).
 *
 * It knows no job, only *heads*: for each runner and priority the earliest due time among the jobs that
 * could run now. Runners are served in turns; a turn with work left ends only when the claim of another
 * runner is *ripe*. That takes two things, both measured by (1 / share − 1) × load, the time after which
 * loading was that share of the whole:
 *
 * - the turn has *paid*: it has worked off the load that began it, at the largest share among those of the claims
 *   and of the calls that it was taken for. So loading keeps to the share, whatever the loads are;
 * - the claim has *waited*: since its clock began, at its own share, for the longer of the load that it costs and
 *   the resident runner's. Its clock began with the turn, or earlier if a claim made later went first since.
 *
 * Of ripe claims the one made first is served. All times are milliseconds on one clock that the caller supplies,
 * so the same code runs against the wall clock and against a simulated one.
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
  /** The largest share among those of the calls that it was taken for; 0 where that is not known. */
  readonly share: number
  /** End of the load that began the turn. */
  readonly startedAt: number
  /** When the runner's last job ended; the turn's start before the first one has. */
  freeSince: number
}

/** When a runner lost the worker: the last time, and the time before that; twice the same after its first turn. */
interface TurnEnds {
  readonly last: number
  readonly lastButOne: number
}

/** Decides turns and keeps the three things they depend on: the turn, kept clocks, and ended turns. */
export class Schedule {
  #turn: Turn | undefined
  /** Clocks of claims that were overtaken by one made later. */
  #keptClocks: ReadonlyMap<string, number> = new Map<string, number>()
  /** What waits at a runner that has lost the worker, or comes back for a retry, claims anew: see `#madeAt`. */
  readonly #turnEnds = new RecentMap<string, TurnEnds>()
  /** The share of the turn that begins next. */
  #nextShare = 0
  readonly #rules: ScheduleRules
  readonly #loadTimes: LoadTimes
  readonly #gaps: ReturnGaps

  constructor(rules: ScheduleRules, loadTimes: LoadTimes, gaps: ReturnGaps) {
    this.#rules = rules
    this.#loadTimes = loadTimes
    this.#gaps = gaps
  }

  /** One in the same position, to think ahead with; of ended turns it knows those of `runners`. */
  copy(runners: Iterable<string>): Schedule {
    const copy = new Schedule(this.#rules, this.#loadTimes, this.#gaps)
    copy.#turn = this.#turn && { ...this.#turn }
    copy.#nextShare = this.#nextShare
    copy.#keptClocks = this.#keptClocks
    for (const runner of runners) {
      const ends = this.#turnEnds.get(runner)
      if (ends !== undefined) copy.#turnEnds.set(runner, ends)
    }
    return copy
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

    const claims = this.#claims(heads, turn, now)
    const paid = now >= this.#paidAt(claims, turn)
    const ripe = paid ? claims.filter(head => now >= this.#waitedAt(head, turn)) : []
    if (ripe.length > 0) return { serve: this.#earliest(ripe).runner }
    const hasWork = heads.some(head => head.runner === turn.runner)
    return hasWork ? { serve: turn.runner } : this.#lingerOrLeave(heads, turn, now)
  }

  /** When the turn must end at the latest, by what waits at `now`, although its runner has work: never before `now`. */
  endsAt(heads: readonly Head[], now: number): number {
    return this.#turn === undefined ? now : this.#firstRipeAt(heads, this.#turn, now)
  }

  /**
   * The worker begins to swap to `runner` at `now`. Claims that this one overtakes although they were made
   * earlier keep their clock, else quick runners would hold off a slow one for ever.
   */
  leave(runner: string, heads: readonly Head[], now: number): void {
    const turn = this.#turn
    const chosen = heads.filter(head => head.runner === runner)
    this.#nextShare = this.#largestShare(chosen)
    this.#keptClocks = turn === undefined ? new Map() : this.#clocksKept(turn, chosen, heads, now)
    this.#endTurn(turn?.runner, now)
  }

  /** `runner` is loaded at `now`: its turn begins. */
  begin(runner: string, now: number): void {
    this.#turn = { runner, share: this.#nextShare, startedAt: now, freeSince: now }
  }

  /** `runner` could not be loaded, `now`: nothing is resident, and its claim counts anew like after a turn. */
  loadFailed(runner: string, now: number): void {
    this.#endTurn(runner, now)
  }

  /** A job of the resident runner ended at `now`: lingering counts from here. */
  jobEnded(now: number): void {
    if (this.#turn !== undefined) this.#turn.freeSince = now
  }

  /** Nothing is resident any more at `now`: it crashed or was unloaded. Its claim counts anew like after a turn. */
  forget(now: number): void {
    this.#endTurn(this.#turn?.runner, now)
  }

  #endTurn(runner: string | undefined, now: number): void {
    this.#turn = undefined
    if (runner === undefined) return
    this.#turnEnds.set(runner, { last: now, lastButOne: this.#turnEnds.get(runner)?.last ?? now })
  }

  #clocksKept(turn: Turn, chosen: readonly Head[], heads: readonly Head[], now: number): Map<string, number> {
    const madeAt = Math.min(...chosen.map(head => this.#madeAt(head)))
    const overtaken = this.#claims(heads, turn, now).filter(head => this.#madeAt(head) < madeAt)
    return new Map(overtaken.map(({ runner }) => [runner, this.#clockOf(runner, turn)]))
  }

  #lingerOrLeave(others: readonly Head[], turn: Turn, now: number): Decision {
    const next = this.#earliest(others)
    const atMost = this.#rules.linger * this.#loadTimes.of(next.runner)
    const lingerEnd = turn.freeSince + this.#gaps.worthWaiting(turn.runner, atMost)
    const until = Math.min(lingerEnd, this.#firstRipeAt(others, turn, now))
    return now < until ? { lingerUntil: until, for: turn.runner } : { serve: next.runner }
  }

  /** When the first of these heads is ripe if nothing else comes in, `now` at the earliest. */
  #firstRipeAt(heads: readonly Head[], turn: Turn, now: number): number {
    const others = heads.filter(head => head.runner !== turn.runner)
    const claims = new Set(this.#claims(heads, turn, now))
    const firstClaim = (at: (head: Head) => number) =>
      Math.min(...others.map(head => Math.max(claims.has(head) ? now : head.dueAt, at(head))))
    return Math.max(
      firstClaim(head => this.#waitedAt(head, turn)),
      firstClaim(head => this.#paidAt([head], turn))
    )
  }

  /** Heads of other runners that are due, or above all that waits for the resident runner. */
  #claims(heads: readonly Head[], turn: Turn, now: number): Head[] {
    const own = heads.filter(head => head.runner === turn.runner)
    const ownTop = own.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...own.map(rankOfHead))
    return heads.filter(
      head => head.runner !== turn.runner && (head.dueAt <= now || rankOfHead(head) > ownTop)
    )
  }

  /** When the turn has worked off the load that began it. */
  #paidAt(claims: readonly Head[], turn: Turn): number {
    const share = Math.max(turn.share, this.#largestShare(claims))
    return turn.startedAt + workedOffAfter(this.#loadTimes.of(turn.runner), share)
  }

  /** When the claim of this head has waited long enough, be the turn paid or not. */
  #waitedAt(head: Head, turn: Turn): number {
    const load = Math.max(this.#loadTimes.of(head.runner), this.#loadTimes.of(turn.runner))
    return this.#clockOf(head.runner, turn) + workedOffAfter(load, this.#rules.loadShare[head.priority])
  }

  #clockOf(runner: string, turn: Turn): number {
    return this.#keptClocks.get(runner) ?? turn.startedAt
  }

  #largestShare(heads: readonly Head[]): number {
    return Math.max(0, ...heads.map(head => this.#rules.loadShare[head.priority]))
  }

  /**
   * When the claim was made: when the job was due, but not before its runner's last turn but one ended. If it
   * counted from the last one, runners with overdue work would be served in a circle, however long theirs has
   * waited; from none, a long backlog would go before younger claims again and again.
   */
  #madeAt(head: Head): number {
    return Math.max(head.dueAt, this.#turnEnds.get(head.runner)?.lastButOne ?? head.dueAt)
  }

  #earliest(heads: readonly Head[]): Head {
    return heads.reduce((best, head) => (this.#madeAt(head) < this.#madeAt(best) ? head : best))
  }
}

const rankOfHead = (head: Head): number => rankOf(head.priority)

/** How long to work after a load of `loadMs` until it was `share` of the time, in ms. */
function workedOffAfter(loadMs: number, share: number): number {
  return (1 / share - 1) * loadMs
}

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
 *
 * Where several runners are loaded side by side (ADR 0022) the turn is that of all of them. Among them the worker goes
 * over without a load: the claim of a loaded runner is ripe at once, and ends no turn. So is the claim of a runner that
 * takes a free slot: nobody has to go for it.
 */
import { type Priority, rankOf } from '../jobs/priority.ts'
import type { Head } from '../jobs/waiting.ts'
import { ClaimOrder } from './claim-order.ts'
import type { LoadTimes } from './load-times.ts'
import type { ReturnGaps } from './return-gaps.ts'
import { LoadedRunners } from './slots.ts'

/** The numbers of the schedule that a user can set (`queue.load_share`, `queue.linger`, `queue.worker_slots`). */
export interface ScheduleRules {
  /** Part of the time, between 0 and 1, that loading for claims of this priority may take. */
  readonly loadShare: Readonly<Record<Priority, number>>
  /** Longest linger as a part of the next runner's load time, 0 to 1. */
  readonly linger: number
  /** Runners that are kept loaded side by side, 1 at least. */
  readonly slots: number
}

/** What to do now: serve a runner, wait for something to change until `until` (ms), or nothing to do. */
export type Decision = { readonly serve: string } | { readonly lingerUntil: number } | 'nothing waits'

interface Turn {
  /** The one of the loaded runners that has the worker; undefined where that one was lost and others are left. */
  runner: string | undefined
  /** The one whose load began the turn. */
  readonly loaded: string
  /** The largest share among those of the calls that it was taken for; 0 where that is not known. */
  readonly share: number
  /** End of the load that began the turn. */
  readonly startedAt: number
}

/** Decides turns and keeps what they depend on: what is loaded, the turn, kept clocks, and ended turns. */
export class Schedule {
  readonly #loaded: LoadedRunners
  readonly #order: ClaimOrder
  #turn: Turn | undefined
  /** Clocks of claims that were overtaken by one made later. */
  #keptClocks: ReadonlyMap<string, number> = new Map<string, number>()
  /** The share of the turn that begins next. */
  #nextShare = 0
  readonly #rules: ScheduleRules
  readonly #loadTimes: LoadTimes
  readonly #gaps: ReturnGaps

  constructor(
    rules: ScheduleRules,
    loadTimes: LoadTimes,
    gaps: ReturnGaps,
    loaded = new LoadedRunners(rules.slots),
    order = new ClaimOrder()
  ) {
    this.#rules = rules
    this.#loadTimes = loadTimes
    this.#gaps = gaps
    this.#loaded = loaded
    this.#order = order
  }

  /** One in the same position, to think ahead with; of ended turns it knows those of `runners`. */
  copy(runners: Iterable<string>): Schedule {
    const [loaded, order] = [this.#loaded.copy(), this.#order.copy(runners)]
    const copy = new Schedule(this.#rules, this.#loadTimes, this.#gaps, loaded, order)
    copy.#turn = this.#turn && { ...this.#turn }
    copy.#nextShare = this.#nextShare
    copy.#keptClocks = this.#keptClocks
    return copy
  }

  /** The loaded runner that has the worker, if any is loaded. */
  get resident(): string | undefined {
    return this.#turn?.runner
  }

  /** Whether `runner` can be served without a load. */
  isLoaded(runner: string): boolean {
    return this.#turn !== undefined && this.#loaded.has(runner)
  }

  /** How many runners there is room for, where that is less than the rules say. */
  set slots(slots: number) {
    this.#loaded.slots = slots
  }

  /** Chooses by the heads of all jobs that may run at `now`. Changes nothing. */
  decide(heads: readonly Head[], now: number): Decision {
    if (heads.length === 0) return 'nothing waits'
    const turn = this.#turn
    if (turn === undefined) return { serve: this.#order.earliest(heads).runner }

    const ripe = this.#ripe(heads, turn, now)
    if (ripe.length > 0) return { serve: this.#order.earliest(ripe).runner }
    const own = heads.find(head => head.runner === turn.runner)
    if (own !== undefined) return { serve: own.runner }
    const loaded = heads.filter(head => this.#loaded.has(head.runner))
    return loaded.length > 0
      ? { serve: this.#order.earliest(loaded).runner }
      : this.#lingerOrLoad(heads, turn, now)
  }

  /** When the runner must lose the worker at the latest, by what waits at `now`, although it has work: never before `now`. */
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

  /** `runner` is loaded at `now`, in the place of those that had to go for it: its turn begins. */
  begin(runner: string, now: number): void {
    const victims = this.#loaded.victims(runner)
    const kept = this.#loaded.runners.filter(one => !victims.includes(one))
    this.#loaded.hold(kept, now)
    this.#loaded.use(runner, now)
    this.#turn = { runner, loaded: runner, share: this.#nextShare, startedAt: now }
  }

  /** The worker goes over to another loaded runner at `now`. No load, so that the turn goes on. */
  goOver(runner: string, now: number): void {
    if (this.#turn === undefined) return
    this.#loses(this.#turn.runner, now)
    this.#turn.runner = runner
    this.#loaded.use(runner, now)
  }

  /** `runner` could not be loaded, `now`: nobody has the worker, and its claim counts anew like after a turn. */
  loadFailed(runner: string, now: number): void {
    this.#endTurn(runner, now)
  }

  /** A job of the resident runner ended at `now`: lingering counts from here. */
  jobEnded(now: number): void {
    const runner = this.#turn?.runner
    if (runner !== undefined) this.#loaded.freed(runner, now)
  }

  /**
   * Of all runners just these are loaded, the least recently used first: others have crashed or were unloaded. What
   * is lost with the worker claims anew like after a turn. Where nobody has the worker, a turn begins.
   */
  holdTo(runners: readonly string[], now: number): void {
    this.#loaded.hold(runners, now)
    const turn = this.#turn
    const latest = runners.at(-1)
    if (latest === undefined) this.#endTurn(turn?.runner, now)
    else if (turn === undefined) this.begin(latest, now)
    else if (turn.runner !== undefined && !this.#loaded.has(turn.runner)) {
      this.#loses(turn.runner, now)
      turn.runner = undefined
    }
  }

  #endTurn(runner: string | undefined, now: number): void {
    this.#turn = undefined
    this.#loses(runner, now)
  }

  #loses(runner: string | undefined, now: number): void {
    if (runner !== undefined) this.#order.lost(runner, now)
  }

  #clocksKept(turn: Turn, chosen: readonly Head[], heads: readonly Head[], now: number): Map<string, number> {
    const madeAt = Math.min(...chosen.map(head => this.#order.madeAt(head)))
    const claims = this.#claims(heads, turn, now).filter(head => !this.#loaded.has(head.runner))
    const overtaken = claims.filter(head => this.#order.madeAt(head) < madeAt)
    return new Map(overtaken.map(({ runner }) => [runner, this.#clockOf(runner, turn)]))
  }

  // Where a slot is free nobody has to go: there is nothing to wait for.
  #lingerOrLoad(others: readonly Head[], turn: Turn, now: number): Decision {
    const next = this.#order.earliest(others)
    if (this.#loaded.hasRoomFor(next.runner)) return { serve: next.runner }
    const atMost = this.#rules.linger * this.#loadTimes.of(next.runner)
    const until = Math.min(this.#lingerEnd(atMost), this.#firstRipeAt(others, turn, now))
    return now < until ? { lingerUntil: until } : { serve: next.runner }
  }

  /** Until when callers of some loaded runner are worth waiting for, each for `atMost` or a little more. */
  #lingerEnd(atMost: number): number {
    const ends = this.#loaded.runners.map(
      runner => this.#loaded.freeSince(runner) + this.#gaps.worthWaiting(runner, atMost)
    )
    return Math.max(...ends)
  }

  /** When the first of these heads is ripe if nothing else comes in, `now` at the earliest. */
  #firstRipeAt(heads: readonly Head[], turn: Turn, now: number): number {
    const others = heads.filter(head => head.runner !== turn.runner)
    const claims = new Set(this.#claims(heads, turn, now))
    const claimedAt = (head: Head) => (claims.has(head) ? now : head.dueAt)
    const { free, dear } = this.#byCost(others)
    const firstClaim = (at: (head: Head) => number) =>
      Math.min(...dear.map(head => Math.max(claimedAt(head), at(head))))
    const dearRipeAt = Math.max(
      firstClaim(head => this.#waitedAt(head, turn)),
      firstClaim(head => this.#paidAt([head], turn))
    )
    return Math.min(...free.map(claimedAt), dearRipeAt)
  }

  /** Claims whose time has come: for which nobody has to go at once, others when the turn has paid and they have waited. */
  #ripe(heads: readonly Head[], turn: Turn, now: number): Head[] {
    const { free, dear } = this.#byCost(this.#claims(heads, turn, now))
    const paid = now >= this.#paidAt(dear, turn)
    return paid ? [...free, ...dear.filter(head => now >= this.#waitedAt(head, turn))] : free
  }

  /** Parts those for which nobody has to go from the others. */
  #byCost(heads: readonly Head[]): { free: Head[]; dear: Head[] } {
    const { free = [], dear = [] } = Object.groupBy(heads, ({ runner }) =>
      this.#loaded.hasRoomFor(runner) ? 'free' : 'dear'
    )
    return { free, dear }
  }

  /**
   * Heads of other runners that are due, or above all that waits: for the runner that has the worker, and where they
   * need a load for every loaded one. For a free slot it is enough not to be below.
   */
  #claims(heads: readonly Head[], turn: Turn, now: number): Head[] {
    const own = topRank(heads.filter(head => head.runner === turn.runner))
    const loaded = topRank(heads.filter(head => this.#loaded.has(head.runner)))
    const isAbove = ({ runner, priority }: Head) => {
      if (this.#loaded.has(runner)) return rankOf(priority) > own
      return this.#loaded.hasRoomFor(runner) ? rankOf(priority) >= loaded : rankOf(priority) > loaded
    }
    return heads.filter(head => head.runner !== turn.runner && (head.dueAt <= now || isAbove(head)))
  }

  /** When the turn has worked off the load that began it. */
  #paidAt(claims: readonly Head[], turn: Turn): number {
    const share = Math.max(turn.share, this.#largestShare(claims))
    return turn.startedAt + workedOffAfter(this.#loadTimes.of(turn.loaded), share)
  }

  /** When the claim of this head has waited long enough, be the turn paid or not. */
  #waitedAt(head: Head, turn: Turn): number {
    const swapped = [head.runner, ...this.#loaded.victims(head.runner)]
    const load = Math.max(...swapped.map(runner => this.#loadTimes.of(runner)))
    return this.#clockOf(head.runner, turn) + workedOffAfter(load, this.#rules.loadShare[head.priority])
  }

  #clockOf(runner: string, turn: Turn): number {
    return this.#keptClocks.get(runner) ?? turn.startedAt
  }

  #largestShare(heads: readonly Head[]): number {
    return Math.max(0, ...heads.map(head => this.#rules.loadShare[head.priority]))
  }
}

/** The highest rank among them; above all where there is none, so that nothing is above nothing. */
function topRank(heads: readonly Head[]): number {
  return heads.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...heads.map(head => rankOf(head.priority)))
}

/** How long to work after a load of `loadMs` until it was `share` of the time, in ms. */
function workedOffAfter(loadMs: number, share: number): number {
  return (1 / share - 1) * loadMs
}

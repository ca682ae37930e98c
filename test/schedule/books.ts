/**
 * Books on a simulation, kept from the outside: what waits, whose turn it is, when claims were made and since when
 * their clocks run, by the words of ADR 0009. Asks nothing of the schedule, so that it can be held against them.
 */
import type { Job } from '../../core/jobs/job.ts'
import { rankOf } from '../../core/jobs/priority.ts'
import { backoffMs } from '../../core/queue/failure.ts'
import { LoadTimes } from '../../core/queue/load-times.ts'
import type { Rules } from './simulation.ts'

/** The time from one load to the next. */
export interface Turn {
  /** The loaded runner that has the worker; undefined after it has crashed beside others. */
  runner: string | undefined
  /** The runner whose load began it, or that was left when another one failed. */
  readonly loaded: string
  /** The largest share among those of its own waiting jobs when the worker was given to it. */
  readonly share: number
  readonly startedAt: number
  /** End of the last job, or the time at which the worker was given to a runner since. */
  freeSince: number
}

/** Times in ms on the simulated clock. */
export class Books {
  readonly queued = new Map<string, Job>()
  turn: Turn | undefined
  /** The least recently used first. */
  loaded: readonly string[] = []
  readonly #rules: Rules
  readonly #keepsOld: boolean
  readonly #loadTimes = new LoadTimes()
  readonly #failedLoads = new Map<string, { times: number; heldUntil: number }>()
  /** When runners lost the worker, each time of it. */
  readonly #turnEnds = new Map<string, number[]>()
  /** When runners last had to go for another one. */
  readonly #evictedAt = new Map<string, number>()
  #keptClocks: ReadonlyMap<string, number> = new Map()
  #nextShare = 0

  constructor(rules: Rules, keepsOld: boolean) {
    this.#rules = rules
    this.#keepsOld = keepsOld
  }

  /** Jobs that could be given out. */
  ready(now: number): Job[] {
    return [...this.queued.values()].filter(
      job => job.availableAt <= now && this.#heldUntil(job.runner) <= now
    )
  }

  /** When the claim behind `job` is made: it is due, and its runner had its last turn but one, or its only one. */
  madeAt(job: Job): number {
    const [end] = (this.#turnEnds.get(job.runner) ?? []).slice(-2)
    return Math.max(job.dueAt, end ?? job.dueAt)
  }

  /** From when on nothing but the order of claims keeps `job` from being served. */
  waitsSince(job: Job): number {
    const lastEnd = this.#turnEnds.get(job.runner)?.at(-1) ?? job.dueAt
    const evictedAt = this.#evictedAt.get(job.runner) ?? job.dueAt
    return Math.max(job.dueAt, lastEnd, evictedAt, job.availableAt, this.#heldUntil(job.runner))
  }

  /** The first of `jobs` in the order of claims. @throws where there is none */
  earliest(jobs: readonly Job[]): Job {
    return jobs.reduce((best, job) => (this.madeAt(job) < this.madeAt(best) ? job : best))
  }

  /** Whether `job` can be served without a load. */
  isLoaded({ runner }: Pick<Job, 'runner'>): boolean {
    return this.loaded.includes(runner)
  }

  /** Whether nobody has to go for `job`. */
  isFree(job: Job): boolean {
    return this.isLoaded(job) || this.victim === undefined
  }

  /** Those of the waiting `jobs` that claim the worker from the runner that has it, or a slot beside or of the loaded. */
  claims(jobs: readonly Job[], now: number): Job[] {
    const aboveBy = (job: Job, others: readonly Job[]) =>
      others.length === 0 ? -1 : rankOf(job.priority) - Math.max(...others.map(one => rankOf(one.priority)))
    const own = jobs.filter(job => job.runner === this.turn?.runner)
    const loaded = jobs.filter(job => this.isLoaded(job))
    return jobs.filter(job => {
      if (job.runner === this.turn?.runner) return false
      if (job.dueAt <= now) return true
      return this.isLoaded(job) ? aboveBy(job, own) > 0 : aboveBy(job, loaded) >= (this.isFree(job) ? 0 : 1)
    })
  }

  /** Those of the claims whose time has come: those for which nobody has to go at once. */
  ripe(jobs: readonly Job[], now: number): Job[] {
    const { turn } = this
    if (turn === undefined) return []
    const claims = this.claims(jobs, now)
    const costly = claims.filter(job => !this.isFree(job))
    const share = Math.max(turn.share, ...costly.map(job => this.#shareOf(job)))
    const paid = now >= turn.startedAt + (1 / share - 1) * this.expectedLoad(turn.loaded)
    const waited = costly.filter(job => paid && now >= this.#waitedAt(job, turn))
    return claims.filter(job => this.isFree(job) || waited.includes(job))
  }

  /** What a swap to `runner` is expected to take. */
  expectedLoad(runner: string): number {
    return this.#loadTimes.of(runner)
  }

  /** The runner that has to go for one that is not loaded; undefined where a slot is free. */
  get victim(): string | undefined {
    return this.loaded.length < this.#rules.rules.slots ? undefined : this.loaded[0]
  }

  /** The worker is given to a runner that is loaded. */
  goOver({ runner }: Job, now: number): void {
    const turn = this.turn!
    if (turn.runner !== undefined) this.#ended(turn.runner, now)
    turn.runner = runner
    turn.freeSince = now
    this.loaded = [...this.loaded.filter(one => one !== runner), runner]
  }

  /** A swap begins for `chosen`, which was one of `jobs`. */
  leave(chosen: Job, jobs: readonly Job[], now: number): void {
    const { turn } = this
    const theirs = jobs.filter(job => job.runner === chosen.runner)
    const madeAt = this.madeAt(this.earliest(theirs))
    const overtaken = this.claims(jobs, now).filter(
      job => !this.isLoaded(job) && job.runner !== chosen.runner && this.madeAt(job) < madeAt
    )
    this.#keptClocks =
      turn === undefined
        ? new Map()
        : new Map(overtaken.map(({ runner }) => [runner, this.#clockOf(runner, turn)]))
    this.#nextShare = Math.max(...theirs.map(job => this.#shareOf(job)))
    if (turn?.runner !== undefined) this.#ended(turn.runner, now)
    if (this.victim !== undefined) this.#evictedAt.set(this.victim, now)
    this.turn = undefined
  }

  /** The swap that followed is over. */
  swapped(runner: string, loaded: boolean, tookMs: number, now: number): void {
    const kept = this.loaded.filter(one => one !== this.victim)
    if (loaded) {
      this.loaded = [...kept, runner]
      this.#loadTimes.record(runner, tookMs)
      this.#failedLoads.delete(runner)
      this.#begin(runner, now)
      return
    }
    const times = (this.#failedLoads.get(runner)?.times ?? 0) + 1
    this.#failedLoads.set(runner, { times, heldUntil: now + backoffMs(times, this.#rules.retry) })
    this.#ended(runner, now)
    if (!this.#keepsOld) this.loaded = kept
    const latest = this.loaded.at(-1)
    if (latest !== undefined) this.#begin(latest, now)
  }

  /** A job of this runner ended, after which it is not loaded (any more). */
  crashed(runner: string, now: number): void {
    this.loaded = this.loaded.filter(one => one !== runner)
    if (this.turn?.runner !== runner) return
    this.#ended(runner, now)
    if (this.loaded.length === 0) this.turn = undefined
    else this.turn.runner = undefined
  }

  #begin(runner: string, now: number): void {
    this.turn = { runner, loaded: runner, share: this.#nextShare, startedAt: now, freeSince: now }
  }

  #ended(runner: string, now: number): void {
    this.#turnEnds.set(runner, [...(this.#turnEnds.get(runner) ?? []), now])
  }

  #shareOf(job: Job): number {
    return this.#rules.rules.loadShare[job.priority]
  }

  #waitedAt(job: Job, turn: Turn): number {
    const { victim } = this
    const leaving = victim === undefined ? 0 : this.expectedLoad(victim)
    const load = Math.max(this.expectedLoad(job.runner), leaving)
    return this.#clockOf(job.runner, turn) + (1 / this.#shareOf(job) - 1) * load
  }

  #clockOf(runner: string, turn: Turn): number {
    return this.#keptClocks.get(runner) ?? turn.startedAt
  }

  #heldUntil(runner: string): number {
    return this.#failedLoads.get(runner)?.heldUntil ?? 0
  }
}

/**
 * Books on a simulation, kept from the outside: what waits, whose turn it is, when claims were made and since when
 * their clocks run, by the words of ADR 0009. Asks nothing of the schedule, so that it can be held against them.
 */
import type { Job } from '../../core/jobs/job.ts'
import { rankOf } from '../../core/jobs/priority.ts'
import { backoffMs } from '../../core/queue/failure.ts'
import { LoadTimes } from '../../core/queue/load-times.ts'
import type { Rules } from './simulation.ts'

/** A runner that has the worker. */
export interface Turn {
  readonly runner: string
  /** The largest share among those of its own waiting jobs when the worker was given to it. */
  readonly share: number
  readonly startedAt: number
  /** End of its last job, at first the start of the turn. */
  freeSince: number
}

/** Times in ms on the simulated clock. */
export class Books {
  readonly queued = new Map<string, Job>()
  turn: Turn | undefined
  readonly #rules: Rules
  readonly #keepsOld: boolean
  readonly #loadTimes = new LoadTimes()
  readonly #failedLoads = new Map<string, { times: number; heldUntil: number }>()
  /** When runners lost the worker, each time of it. */
  readonly #turnEnds = new Map<string, number[]>()
  #keptClocks: ReadonlyMap<string, number> = new Map()
  #evicted: string | undefined
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
    return Math.max(job.dueAt, lastEnd, job.availableAt, this.#heldUntil(job.runner))
  }

  /** The first of `jobs` in the order of claims. @throws where there is none */
  earliest(jobs: readonly Job[]): Job {
    return jobs.reduce((best, job) => (this.madeAt(job) < this.madeAt(best) ? job : best))
  }

  /** Those of the waiting `jobs` that claim the worker from the runner that has it. */
  claims(jobs: readonly Job[], now: number): Job[] {
    const own = jobs.filter(job => job.runner === this.turn?.runner).map(job => rankOf(job.priority))
    const above = own.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...own)
    return jobs.filter(
      job => job.runner !== this.turn?.runner && (job.dueAt <= now || rankOf(job.priority) > above)
    )
  }

  /** Those of the claims whose time has come. */
  ripe(jobs: readonly Job[], now: number): Job[] {
    const { turn } = this
    if (turn === undefined) return []
    const claims = this.claims(jobs, now)
    const share = Math.max(turn.share, ...claims.map(job => this.#shareOf(job)))
    if (now < turn.startedAt + (1 / share - 1) * this.expectedLoad(turn.runner)) return []
    return claims.filter(job => now >= this.#waitedAt(job, turn))
  }

  /** What a swap to `runner` is expected to take. */
  expectedLoad(runner: string): number {
    return this.#loadTimes.of(runner)
  }

  /** The worker is given to `chosen`, which was one of `jobs`. */
  leave(chosen: Job, jobs: readonly Job[], now: number): void {
    const { turn } = this
    const theirs = jobs.filter(job => job.runner === chosen.runner)
    const madeAt = this.madeAt(this.earliest(theirs))
    const overtaken = this.claims(jobs, now).filter(
      job => job.runner !== chosen.runner && this.madeAt(job) < madeAt
    )
    this.#keptClocks =
      turn === undefined
        ? new Map()
        : new Map(overtaken.map(({ runner }) => [runner, this.#clockOf(runner, turn)]))
    this.#nextShare = Math.max(...theirs.map(job => this.#shareOf(job)))
    if (turn !== undefined) this.#ended(turn.runner, now)
    this.#evicted = turn?.runner ?? this.#evicted
    this.turn = undefined
  }

  /** The swap that followed is over. */
  swapped(runner: string, loaded: boolean, tookMs: number, now: number): void {
    if (loaded) {
      this.#loadTimes.record(runner, tookMs)
      this.#failedLoads.delete(runner)
      this.#begin(runner, now)
      return
    }
    const times = (this.#failedLoads.get(runner)?.times ?? 0) + 1
    this.#failedLoads.set(runner, { times, heldUntil: now + backoffMs(times, this.#rules.retry) })
    this.#ended(runner, now)
    if (this.#keepsOld && this.#evicted !== undefined) this.#begin(this.#evicted, now)
    else this.#evicted = undefined
  }

  /** The runner that had the worker is out of the target's memory. */
  crashed(now: number): void {
    if (this.turn !== undefined) this.#ended(this.turn.runner, now)
    this.turn = undefined
    this.#evicted = undefined
  }

  #begin(runner: string, now: number): void {
    this.turn = { runner, share: this.#nextShare, startedAt: now, freeSince: now }
    this.#evicted = runner
  }

  #ended(runner: string, now: number): void {
    this.#turnEnds.set(runner, [...(this.#turnEnds.get(runner) ?? []), now])
  }

  #shareOf(job: Job): number {
    return this.#rules.rules.loadShare[job.priority]
  }

  #waitedAt(job: Job, turn: Turn): number {
    const load = Math.max(this.expectedLoad(job.runner), this.expectedLoad(turn.runner))
    return this.#clockOf(job.runner, turn) + (1 / this.#shareOf(job) - 1) * load
  }

  #clockOf(runner: string, turn: Turn): number {
    return this.#keptClocks.get(runner) ?? turn.startedAt
  }

  #heldUntil(runner: string): number {
    return this.#failedLoads.get(runner)?.heldUntil ?? 0
  }
}

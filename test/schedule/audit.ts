/**
 * Holds everything that a simulation does against what the schedule promises (ADR 0009), while it does it.
 * The books that it checks by are kept from the outside: see `books.ts`.
 */
import assert from 'node:assert/strict'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import type { Assignment } from '../../core/queue/worker.ts'
import { Books } from './books.ts'
import { type Claim, type ClaimWait, ClaimWaits, type Longest } from './claim-waits.ts'
import type { Simulation } from './simulation.ts'

/** A linger may last longer than `queue.linger` says by this factor, for callers who come back just too late. */
const lingerTolerance = 1.25

/** Throws an AssertionError out of the simulation as soon as a promise is broken. */
export class Audit {
  readonly #simulation: Simulation
  readonly #books: Books
  readonly #running = new Set<string>()
  readonly #ended = new Set<string>()
  readonly #waits: ClaimWaits
  /** What the swap under way is for. */
  #claim: Claim | undefined

  constructor(simulation: Simulation, longest: Longest, keepsOld = false) {
    this.#simulation = simulation
    this.#waits = new ClaimWaits(longest)
    this.#books = new Books(simulation.rules, keepsOld)
    simulation.bus.on('event', (_event, job) => this.#moved(job))
    simulation.on('took', assignment => this.#took(assignment))
    simulation.on('swapped', load => this.#swapped(load.runner, load.loaded, load.ms))
    simulation.on('ran', (job, lost) => this.#ran(job, lost))
    simulation.on('idles', askedFor => this.#idles(askedFor))
  }

  /** The claims that were served, in the order of their turns. */
  get waits(): readonly ClaimWait[] {
    return this.#waits.all
  }

  /** Nothing may be left when the simulation has run to its end. */
  finish(): void {
    for (const job of this.#simulation.stored()) {
      assert.ok(hasEnded(job.state), `${job.id} is lost in state ${job.state}`)
      assert.ok(this.#ended.has(job.id), `${job.id} ended without a word`)
    }
  }

  #moved(job: Job): void {
    assert.ok(!this.#ended.has(job.id), `${job.id} moved to ${job.state} after its end`)
    const { queued } = this.#books
    queued.delete(job.id)
    this.#running.delete(job.id)
    if (job.state === 'queued') queued.set(job.id, job)
    else if (hasEnded(job.state)) this.#ended.add(job.id)
    else this.#running.add(job.id)
    assert.ok(this.#running.size <= 1, 'two jobs run at once')
  }

  #took({ job, swap }: Assignment): void {
    const { now } = this.#simulation.agenda
    const { turn } = this.#books
    const jobs = [job, ...this.#books.ready(now)]
    const own = jobs.filter(({ runner }) => runner === job.runner)
    assert.equal(
      job.dueAt,
      Math.min(...own.map(({ dueAt }) => dueAt)),
      'the earliest due of a runner goes first'
    )
    assert.equal(swap, !this.#books.isLoaded(job), 'the worker knows what is loaded')
    if (swap) this.#mayLeave(job, jobs, now)
    else if (job.runner !== turn?.runner) this.#mayGoOver(job, jobs, now)
    else assert.deepEqual(this.#books.ripe(jobs, now), [], 'a turn ends when a claim is ripe')
  }

  #mayGoOver(chosen: Job, jobs: readonly Job[], now: number): void {
    const books = this.#books
    const ripe = books.ripe(jobs, now)
    const leavesWork = jobs.some(({ runner }) => runner === books.turn?.runner)
    assert.ok(ripe.length > 0 || !leavesWork, 'the worker leaves no work for what is no claim')
    const inLine = ripe.length > 0 ? ripe : jobs.filter(job => books.isLoaded(job))
    this.#checkOrder(chosen, inLine)
    const theirs = jobs.filter(({ runner }) => runner === chosen.runner)
    const madeAt = books.madeAt(books.earliest(theirs))
    this.#waits.wentOver({ runner: chosen.runner, at: now, madeAt }, this.#claimOf(theirs, now))
    books.goOver(chosen, now)
  }

  #mayLeave(chosen: Job, jobs: readonly Job[], now: number): void {
    const books = this.#books
    const ripe = books.ripe(jobs, now)
    const leavesWork = jobs.some(job => books.isLoaded(job))
    assert.ok(ripe.length > 0 || !leavesWork, 'no turn with work left ends before a claim is ripe')
    if (leavesWork && books.victim !== undefined) this.#checkShare(now)
    const inLine = ripe.length > 0 ? ripe : jobs
    const theirs = jobs.filter(({ runner }) => runner === chosen.runner)
    this.#checkOrder(chosen, inLine)
    this.#waits.served({ runner: chosen.runner, at: now, madeAt: books.madeAt(books.earliest(theirs)) })
    this.#claim = this.#claimOf(theirs, now)
    books.leave(chosen, jobs, now)
  }

  #checkOrder(chosen: Job, inLine: readonly Job[]): void {
    const books = this.#books
    const first = books.earliest(inLine.filter(({ runner }) => runner === chosen.runner))
    const madeAt = books.madeAt(books.earliest(inLine))
    assert.equal(books.madeAt(first), madeAt, 'the earliest claim is served first')
  }

  /** The one of a runner's jobs that has waited longest on a claim; undefined where none is due. */
  #claimOf(theirs: readonly Job[], now: number): Claim | undefined {
    const books = this.#books
    const claims = theirs.map(job => ({ job, madeAt: books.madeAt(job), since: books.waitsSince(job) }))
    return claims.filter(({ since }) => since <= now).sort((a, b) => a.since - b.since)[0]
  }

  #swapped(runner: string, loaded: boolean, tookMs: number): void {
    const { now } = this.#simulation.agenda
    const { loadShare } = this.#simulation.rules.rules
    if (this.#claim !== undefined) this.#waits.ended(this.#claim, loadShare[this.#claim.job.priority], now)
    this.#books.swapped(runner, loaded, tookMs, now)
  }

  /** The load that began the turn was at most the largest share there is of the time from its begin to `now`. */
  #checkShare(now: number): void {
    const load = this.#simulation.loads.at(-1)
    if (load?.loaded !== true) return
    const share = Math.max(...Object.values(this.#simulation.rules.rules.loadShare))
    const ms = now - load.startedAt
    assert.ok(load.ms <= share * ms * (1 + Number.EPSILON), `a load of ${load.ms} ms in ${ms} ms`)
  }

  #ran({ runner }: Job, lost: boolean): void {
    const { now } = this.#simulation.agenda
    const { turn } = this.#books
    if (lost) this.#books.crashed(runner, now)
    else if (turn !== undefined) turn.freeSince = now
  }

  #idles(askedFor: number): void {
    const books = this.#books
    const { now } = this.#simulation.agenda
    const jobs = books.ready(now)
    const { turn } = books
    if (jobs.length === 0) return
    assert.ok(turn !== undefined && jobs.every(job => !books.isLoaded(job)), 'idle beside work')
    assert.ok(books.victim !== undefined, 'idle beside a free slot')
    const last = Math.max(now, askedFor - 1)
    assert.deepEqual(books.ripe(jobs, last), [], 'idle beside a ripe claim')
    const { linger } = this.#simulation.rules.rules
    const atMost = lingerTolerance * linger * books.expectedLoad(books.earliest(jobs).runner)
    assert.ok(now < turn.freeSince + atMost, 'idle longer than a linger lasts')
  }
}

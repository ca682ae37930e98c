/**
 * The dispatcher: says what the worker does next, and keeps what the schedule knows true.
 *
 * It asks the schedule, marks the chosen job as taken, swaps runners, learns from every arrival, load and end,
 * and holds the record of what is resident against what the target says.
 */
import type { Database } from 'better-sqlite3'
import type { FastifyBaseLogger } from 'fastify'
import { type ForemanError, isForemanError, ModelNotFoundError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import { rankOf } from '../jobs/priority.ts'
import type { JobStore } from '../jobs/store.ts'
import type { Head, WaitingJobs } from '../jobs/waiting.ts'
import { TargetError } from '../target/client.ts'
import type { EmbedSlot } from './embed-slot.ts'
import type { RetryRules } from './failure.ts'
import { HeldRunners } from './held-runners.ts'
import { LoadTimes } from './load-times.ts'
import type { Loader } from './loader.ts'
import { Looks } from './looks.ts'
import type { Activity } from './outlook.ts'
import { type Resident, ResidentRecord } from './resident.ts'
import { ReturnGaps } from './return-gaps.ts'
import { RunTimes } from './run-times.ts'
import { Schedule, type ScheduleRules } from './schedule.ts'
import { SlotsThatHold } from './slots-that-hold.ts'
import { type Swap, SwapLedger } from './swap-ledger.ts'
import type { Wanted } from './wanted.ts'
import type { Assignment, WorkerHost } from './worker.ts'
import { WorkerSlots } from './worker-slots.ts'

/** The worker's lane: the embed lane has jobs of its own. */
export const workerLane = 'worker'

/** Newest runs of the store that a start learns from. */
const runsToLearnFrom = 1000

/** What the dispatcher works with. */
export interface DispatcherParts {
  readonly db: Database
  readonly store: JobStore
  readonly waiting: WaitingJobs
  readonly loader: Loader
  /** The slot beside the worker's; none in a simulation. */
  readonly second?: Pick<EmbedSlot, 'holdsBack' | 'nextAt' | 'keeps' | 'loadedBeside' | 'looked'>
  readonly rules: ScheduleRules
  readonly retry: RetryRules
  /** ms since 1970; a simulated clock may stand in its place. */
  readonly now: () => number
  /** Whether the target can be spoken to: nothing is given out while not. */
  readonly isUp: () => boolean
  /** The target does not answer. */
  readonly markDown: (error: TargetError) => void
  /** Ask again at this time (ms since 1970; undefined: only when something changes). */
  readonly wakeAt: (at: number | undefined) => void
  /** Ask again now. */
  readonly wake: () => void
  /** A load failed: whoever waits for that runner with an open connection is told at once. */
  readonly loadFailed: (runner: string, error: ForemanError) => void
  /** A swap was tried and is in the ledger. */
  readonly swapped: (swap: Swap) => void
  readonly log: Pick<FastifyBaseLogger, 'warn'>
}

/** Chooses, loads and learns. */
export class Dispatcher implements WorkerHost {
  readonly #parts: DispatcherParts
  readonly #schedule: Schedule
  readonly #loadTimes = new LoadTimes()
  readonly #runTimes = new RunTimes()
  readonly #gaps = new ReturnGaps()
  readonly #held: HeldRunners
  readonly #resident: ResidentRecord
  readonly #slots: WorkerSlots
  readonly #looks: Looks
  /** How many worker runners the target keeps side by side. */
  readonly slotsThatHold: SlotsThatHold
  /** Every swap, and what they came to. */
  readonly ledger: SwapLedger
  #activity: Activity | undefined
  #swapping = false
  #open = false

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#schedule = new Schedule(parts.rules, this.#loadTimes, this.#gaps)
    this.#held = new HeldRunners(parts.retry)
    this.#resident = new ResidentRecord(parts.db)
    this.slotsThatHold = new SlotsThatHold(parts.rules.slots, parts.log)
    const [record, schedule, holding] = [this.#resident, this.#schedule, this.slotsThatHold]
    this.#slots = new WorkerSlots({ ...parts, record, schedule, holding })
    this.#looks = new Looks(() => this.#look(), parts.wake)
    this.ledger = new SwapLedger(parts.db)
    this.ledger.teach(this.#loadTimes)
    this.#runTimes.teach(parts.store.runs.newest(runsToLearnFrom))
  }

  /** The loaded runner that has the worker. */
  get resident(): string | undefined {
    return this.#schedule.resident
  }

  /** What the worker does now; nothing between two jobs. A load goes on when its job is canceled. */
  get activity(): Activity | undefined {
    return this.#activity
  }

  /** What it decides by, and what it learned: to look at and to copy. */
  get knowledge(): { schedule: Schedule; loadTimes: LoadTimes; runTimes: RunTimes } {
    return { schedule: this.#schedule, loadTimes: this.#loadTimes, runTimes: this.#runTimes }
  }

  /** The name under which the resident runner was loaded. */
  get residentModel(): string | undefined {
    return this.resident === undefined ? undefined : this.#resident.current?.model
  }

  /** All that foreman loaded and did not unload, the least recently used first. */
  get residents(): readonly Resident[] {
    return this.#resident.all
  }

  /** Begins to give out work, as soon as the target is up. */
  open(): void {
    this.#open = true
  }

  /** Gives out nothing more. */
  shut(): void {
    this.#open = false
    this.#parts.wakeAt(undefined)
  }

  /** A job came in: the gap since its runner's last job says how soon callers come back. */
  arrived(job: Job, sizeBytes: number | undefined): void {
    if (sizeBytes !== undefined) this.#loadTimes.describe(job.runner, sizeBytes)
    this.#gaps.arrived(job.runner, this.#parts.now())
  }

  /** The next assignment, its job marked as taken; undefined when nothing may run now. */
  next(): Assignment | undefined {
    if (!this.#open || this.#looks.going || !this.#parts.isUp()) return undefined
    const now = this.#parts.now()
    if (this.#parts.second?.holdsBack(now)) return undefined
    this.#slots.count(now)
    const heads = this.#heads(now)
    const decision = this.#schedule.decide(heads, now)
    if (decision === 'nothing waits') return this.#sleepUntil(now)
    if ('lingerUntil' in decision) return this.#sleepUntil(now, decision.lingerUntil)
    return this.#take(decision.serve, heads, now)
  }

  /** Swaps to the runner of `job`. @throws what kept it from being loaded, after taking note of it */
  async load(job: Job, stop: AbortSignal): Promise<void> {
    const startedAt = this.#parts.now()
    const { second } = this.#parts
    let evicted: readonly Resident[] = []
    let wanted: Wanted
    this.#swapping = true
    try {
      evicted = await this.#slots.victims(job.runner)
      const unloaded = evicted.filter(one => !second?.keeps(one))
      wanted = await this.#parts.loader.load(job, unloaded, stop)
      this.#loaded(job, wanted, evicted, startedAt)
    } catch (err) {
      this.#notLoaded(job, evicted, startedAt, err)
      throw err
    } finally {
      this.#swapping = false
    }
    await this.#slots.check()
    await second?.loadedBeside(wanted)
  }

  /** The attempt is over. One that failed may have taken the runner with it: that is worth a look. */
  ran(job: Job): void {
    const now = this.#parts.now()
    this.#activity = undefined
    this.#schedule.jobEnded(now)
    this.#gaps.ended(job.runner, now)
    if (job.state === 'done' && job.startedAt !== null) this.#runTimes.record(job.runner, now - job.startedAt)
    if (job.error !== null) void this.look()
  }

  /** `runner` is not loaded any more. */
  lost(runner: string): void {
    this.#slots.lost(runner)
  }

  /** A look while a job runs: says nothing of the runner that has the worker. @throws {TargetError} */
  async lookBeside(): Promise<void> {
    const before = this.#resident.all
    const loaded = await this.#parts.loader.loaded()
    if (!this.#swapping && this.#resident.all === before) this.#compare(loaded, false)
  }

  /** Holds the record against `/api/ps`: what the target does not have any more has no turn. */
  look(): Promise<void> {
    return this.#looks.ask()
  }

  async #look(): Promise<void> {
    try {
      const before = this.#resident.all
      const loaded = await this.#parts.loader.loaded()
      // An answer from before or during a swap says nothing of what is there after it.
      if (!this.#swapping && this.#resident.all === before) {
        this.#compare(loaded, this.#activity === undefined)
      }
    } catch (err) {
      // What a full disk did not take of the record is found out again at the next start.
      if (err instanceof TargetError) this.#parts.markDown(err)
    }
  }

  #compare(loaded: readonly { readonly digest: string }[], idle: boolean): void {
    this.#slots.compare(loaded, idle)
    this.#parts.second?.looked(loaded)
  }

  #heads(now: number): Head[] {
    const { waiting } = this.#parts
    if ((waiting.nextAvailableAt() ?? Number.POSITIVE_INFINITY) <= now) waiting.promote(now)
    return waiting.heads(workerLane).filter(head => !this.#held.holds(head.runner, now))
  }

  #sleepUntil(now: number, lingerUntil = Number.POSITIVE_INFINITY): undefined {
    const never = Number.POSITIVE_INFINITY
    const available = this.#parts.waiting.nextAvailableAt() ?? never
    const second = this.#parts.second?.nextAt(now) ?? never
    this.#parts.wakeAt(Math.min(lingerUntil, available, this.#held.nextEnd(now) ?? never, second))
  }

  #take(runner: string, heads: readonly Head[], now: number): Assignment | undefined {
    const { store, waiting } = this.#parts
    const head = heads.filter(one => one.runner === runner).reduce(earlier)
    const job = waiting.first(workerLane, head)
    if (job === undefined) return undefined
    const swap = !this.#schedule.isLoaded(runner)
    const change = { attempt: job.attempt + 1, startedAt: now, firstTokenAt: null, error: null }
    const taken = store.move(job, swap ? 'loading' : 'working', change)
    if (swap) this.#schedule.leave(runner, heads, now)
    else if (runner !== this.#schedule.resident) this.#slots.goOver(runner, now)
    const phase = swap ? 'loading' : 'working'
    this.#activity = { jobSeq: job.seq, runner, model: job.model, phase, since: now }
    this.#parts.wakeAt(undefined)
    return { id: taken.id, job: taken, swap }
  }

  #loaded({ seq, model }: Job, wanted: Wanted, evicted: readonly Resident[], startedAt: number): void {
    const now = this.#parts.now()
    const runner = wanted.runner.key
    this.#loadTimes.record(runner, now - startedAt)
    this.#held.loaded(runner)
    this.#slots.loaded(wanted, evicted, now)
    this.#activity = { jobSeq: seq, runner, model, phase: 'working', since: now }
    this.#record({ runner, model }, evicted, startedAt, now, true)
  }

  #notLoaded(job: Job, evicted: readonly Resident[], startedAt: number, err: unknown): void {
    const now = this.#parts.now()
    const { runner } = job
    this.#schedule.loadFailed(runner, now)
    // How far the swap came is not known: the old runner may be gone or still there.
    void this.look()
    this.#record(job, evicted, startedAt, now, false)
    if (err instanceof TargetError) return
    if (!isForemanError(err) || err instanceof ModelNotFoundError) return
    this.#held.failed(runner, now)
    this.#parts.loadFailed(runner, err)
  }

  #record(
    { runner, model }: Pick<Job, 'runner' | 'model'>,
    [evicted]: readonly Resident[],
    startedAt: number,
    now: number,
    loaded: boolean
  ): void {
    const durationMs = Math.max(0, now - startedAt)
    const swap = { runner, model, evicted: evicted?.runner ?? null, startedAt, durationMs, loaded }
    this.ledger.record(swap)
    this.#parts.swapped(swap)
  }
}

function earlier(a: Head, b: Head): Head {
  if (a.dueAt !== b.dueAt) return a.dueAt < b.dueAt ? a : b
  return rankOf(a.priority) >= rankOf(b.priority) ? a : b
}

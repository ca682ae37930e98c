/**
 * The queue as everybody else sees it: hand a job in, cancel it, be told how long it may take.
 *
 * One path for every job: row, then lane, then worker, then events. An attached job has a caller that listens;
 * a durable one is the same without it.
 */
import { CanceledError, DrainingError, InterruptedError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import { hasEnded } from '../jobs/states.ts'
import type { Acceptance, JobStore } from '../jobs/store.ts'
import type { CatalogChange } from '../target/catalog.ts'
import type { TargetError } from '../target/client.ts'
import type { AttachedCall, AttachedCalls, RunProgress } from './answer.ts'
import { AttachedEnds } from './attached-ends.ts'
import { Chronicle } from './chronicle.ts'
import { type Dispatcher, workerLane } from './dispatcher.ts'
import { bypassLane, embedLane } from './embed-dispatcher.ts'
import { followTarget } from './embed-follow.ts'
import { EmbedLane } from './embed-lane.ts'
import { type Forecast, Forecaster } from './forecast.ts'
import { Intake, type Submission } from './intake.ts'
import { TargetLoader } from './loader.ts'
import { forWaiting, moveAlong } from './move-along.ts'
import type { JobQueueParts } from './queue-parts.ts'
import { SharedCommits } from './shared-commits.ts'
import { StartLimits } from './start-limits.ts'
import { QueueSwitches } from './switches.ts'
import { WorkerLane } from './worker-lane.ts'

export type { Forecast } from './forecast.ts'
export type { Submission } from './intake.ts'
export type { JobQueueParts } from './queue-parts.ts'

/** Accepts, runs and ends jobs. */
export class JobQueue {
  readonly #store: JobStore
  readonly #attached: AttachedCalls
  readonly #parts: JobQueueParts
  readonly #intake: Intake
  readonly #shared = new SharedCommits(jobs => this.submitEach(jobs))
  readonly #ends: AttachedEnds
  readonly #loader: TargetLoader
  readonly #lane: WorkerLane
  readonly #embeds: EmbedLane
  readonly #startLimits: StartLimits
  readonly #switches: QueueSwitches
  readonly #chronicle: Chronicle
  /** Foretells when jobs start. */
  readonly forecaster: Forecaster
  #stopping = false

  constructor(parts: JobQueueParts) {
    const { store, attached, log, reachability } = parts
    this.#loader = new TargetLoader(parts)
    this.#parts = parts
    this.#switches = new QueueSwitches(parts.db)
    this.#store = store
    this.#attached = attached
    this.#ends = new AttachedEnds(parts)
    const common = {
      ...{ ...parts, loader: this.#loader, swapper: this.#loader.swapper },
      ...{ options: { ...parts.silence, retry: parts.retry } },
      isUp: () => reachability.state.status === 'up',
      markDown: (error: TargetError) => reachability.markDown(error)
    }
    const wakeWorker = () => this.#lane.offer()
    this.#embeds = new EmbedLane({ ...common, first: () => this.#dispatcher, wakeWorker })
    this.#lane = new WorkerLane({
      ...{ ...common, second: this.#embeds.slot },
      loadFailed: (runner, error) => this.#ends.failRunner(runner, error),
      swapped: swap => parts.telemetry.emit('swap', swap)
    })
    const { estimates } = store
    const beside = (job: Job) => this.#embeds.forecast(job)
    this.forecaster = new Forecaster({
      ...{ ...parts, dispatcher: this.#dispatcher, estimates, beside, now: Date.now }
    })
    const laneOf = (job: Submission) => this.#embeds.laneOf(job) ?? workerLane
    this.#intake = new Intake({ ...parts, laneOf }, this.forecaster)
    const { ledger } = this.#dispatcher
    this.#chronicle = new Chronicle({ ...parts, ledger, hasWork: () => this.#works || parts.depth.total > 0 })
    this.#startLimits = new StartLimits(
      store,
      parts.waiting,
      (job, error) => this.#ends.tell(job, error),
      err => log.error({ err }, 'jobs that did not start in time could not be ended; trying again')
    )
  }

  /** Begins to run what waits; jobs left by a dead process must have been put right before. */
  start(): void {
    this.#parts.reachability.on('up', () => void this.#dispatcher.look())
    this.#parts.bus.on('event', (_event, job) => {
      if (job.state === 'queued') this.#startLimits.watch(job)
    })
    this.#parts.catalog.on('changed', change => this.#moveAlong(change))
    // By the list of the last run, where there is one.
    for (const to of this.#parts.catalog.models()) this.#moveAlong({ name: to.name, from: to, to })
    this.#chronicle.start(this.#parts.reachability, this.paused)
    this.#startLimits.start()
    this.#lane.start(!this.paused)
    followTarget(this.#embeds, this.#dispatcher, this.#parts)
    this.#embeds.start(!this.paused)
  }

  /** Looks at what the target has in memory, where it is there. */
  async lookAtTarget(): Promise<void> {
    if (this.#parts.reachability.state.status === 'up') await this.#lane.look()
  }

  /** Whether new jobs are taken. */
  get accepting(): boolean {
    return !this.#stopping && !this.draining
  }

  /** Whether nothing is started. Kept over a restart, as is {@link draining}. */
  get paused(): boolean {
    return this.#switches.isOn('paused')
  }

  /** Whether anything is started: not in a pause, nor while the target is away. */
  get starts(): boolean {
    return !this.paused && this.#parts.reachability.state.status === 'up'
  }

  /** Whether foreman finishes what it has and takes nothing new. */
  get draining(): boolean {
    return this.#switches.isOn('draining')
  }

  /** Starts nothing more; what runs ends. */
  pause(): void {
    this.#switches.turnOn('paused')
    this.#lane.shut()
    this.#embeds.shut()
    this.#chronicle.paused()
  }

  /** Accepts nothing more; what waits is run. */
  drain(): void {
    this.#switches.turnOn('draining')
  }

  /** Ends a pause and a drain. */
  resume(): void {
    this.#switches.turnOff()
    this.#chronicle.resumed()
    if (this.#stopping) return
    this.#lane.open()
    this.#embeds.open()
  }

  /** The oldest of the waiting jobs that may run, of each runner and class. */
  oldest(): Job[] {
    return [workerLane, embedLane, bypassLane].flatMap(lane => this.#parts.waiting.oldest(lane))
  }

  /** Whether a job of the worker is on the target now. */
  get busy(): boolean {
    return this.#lane.busy
  }

  /** The model kept loaded for embeddings, and the lane of its calls. */
  get embeds(): Pick<EmbedLane, 'status' | 'keepAliveOf'> {
    return this.#embeds
  }

  /** How far a running job is, as far as can be told before its end; undefined for any other. */
  progressOf(id: string): RunProgress | undefined {
    return this.#lane.progressOf(id) ?? this.#embeds.progressOf(id)
  }

  /** For how long the target has sent nothing to the running call; 0 where none runs. */
  get silentMs(): number {
    return this.#lane.silentMs
  }

  /** The runner whose turn it is. */
  get resident(): string | undefined {
    return this.#dispatcher.resident
  }

  /** What the worker does and knows, to look at. */
  get worker(): Pick<
    Dispatcher,
    'activity' | 'residentModel' | 'residents' | 'slotsThatHold' | 'knowledge' | 'ledger'
  > {
    return this.#dispatcher
  }

  /**
   * Takes a job whose caller holds the connection; its answer goes to `call.sink`.
   * @throws {QueueFullError} {QueueQuotaExceededError} {DrainingError} {StorageLowError}, and what its caller throws
   */
  attach(job: Submission, call: AttachedCall, sizeBytes?: number): { job: Job; forecast: Forecast } {
    const [accepted] = this.#accept([job])
    this.#attached.add(accepted!.id, call)
    const forecast = this.forecaster.ofNew(accepted!)
    this.#dispatcher.arrived(accepted!, sizeBytes)
    this.#offer()
    return { job: accepted!, forecast }
  }

  /**
   * Takes a durable job in one commit with the others that arrive now. It is on the disk when this resolves.
   * @throws {QueueFullError} {QueueQuotaExceededError} {DrainingError} {StorageLowError}, and what its caller throws
   * @throws {KeyTakenError} where another job has its idempotency key; that one is on the disk then
   */
  submitSoon(job: Submission): Promise<Job> {
    return this.#shared.add(job)
  }

  /** Takes durable jobs in one commit, each for itself: those that are accepted are on the disk when this returns. */
  submitEach(jobs: readonly Submission[]): Acceptance[] {
    const outcomes = this.accepting
      ? this.#intake.acceptEach(jobs)
      : jobs.map(() => ({ error: new DrainingError() }))
    this.#allArrived(outcomes.filter(outcome => 'job' in outcome).map(({ job }) => job))
    return outcomes
  }

  /**
   * Takes durable jobs, all or none: they are on the disk when this returns.
   * @throws {QueueFullError} {QueueQuotaExceededError} {DrainingError} {StorageLowError}, and what its caller throws
   */
  submit(jobs: readonly Submission[]): Job[] {
    const accepted = this.#accept(jobs)
    this.#allArrived(accepted)
    return accepted
  }

  /**
   * Cancels a job in any state. One that works is `canceling` until the target has been left.
   * @returns the job as it is then; undefined where there is none
   */
  cancel(id: string): Job | undefined {
    const running = this.#lane.cancel(id) ?? this.#embeds.cancel(id)
    if (running !== undefined) return running
    const job = this.#store.get(id)
    if (job === undefined || hasEnded(job.state)) return job
    const canceled = this.#store.move(job, 'canceled')
    this.#ends.tell(canceled, new CanceledError())
    // With one waiting job less the worker may linger no longer, or have nothing to wait for.
    this.#lane.offer()
    return canceled
  }

  /**
   * Accepts nothing more, gives the running job `graceMs` to end, then takes it back: a durable one to the queue.
   * Callers that still wait are told.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    const overtime = setTimeout(() => this.#interrupt(), graceMs)
    const stopped = Promise.all([this.#lane.stop(), this.#embeds.stop()])
    this.#ends.interruptAll()
    await stopped
    // The running one has come back to the queue where the target could not be connected to.
    this.#ends.interruptAll()
    clearTimeout(overtime)
    // Last: what comes back to the queue is watched again.
    this.#startLimits.stop()
    this.#chronicle.stop()
  }

  #accept(jobs: readonly Submission[]): Job[] {
    if (!this.accepting) throw new DrainingError()
    return this.#intake.accept(jobs)
  }

  #allArrived(jobs: readonly Job[]): void {
    const { catalog } = this.#parts
    for (const job of jobs) this.#dispatcher.arrived(job, catalog.peek(job.model)?.sizeBytes)
    this.#offer()
  }

  get #dispatcher(): Dispatcher {
    return this.#lane.dispatcher
  }

  #offer(): void {
    this.#lane.offer()
    this.#embeds.offer()
  }

  #interrupt(): void {
    this.#lane.interrupt(new InterruptedError())
    this.#embeds.interrupt(new InterruptedError())
  }

  get #works(): boolean {
    return this.busy || this.#embeds.status.running > 0
  }

  #moveAlong(change: CatalogChange): void {
    const { db, depth } = this.#parts
    const moved = moveAlong(db, depth, forWaiting(change), job => this.#loader.wanted(job)?.runner.key)
    if (moved > 0) this.#lane.offer()
  }
}

/**
 * The embed lane (ADR 0013): embeddings with the embedder's runner, a few at a time and beside whatever the worker does.
 *
 * Several small lanes with a worker each, fed by one dispatcher. Where the embedder does not hold, there is nothing in
 * it: its jobs are the worker's then, and come back when it holds again.
 */
import { isStorageFailure } from '../database/open.ts'
import type { ForemanError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import type { Catalog } from '../target/catalog.ts'
import { Alarm } from './alarm.ts'
import type { RunProgress } from './answer.ts'
import { bypassLane, EmbedDispatcher, type EmbedDispatcherParts, embedLane } from './embed-dispatcher.ts'
import { EmbedSlot, type EmbedSlotParts, forever } from './embed-slot.ts'
import { sortEmbeds } from './embed-sort.ts'
import { Embedder, type EmbedderParts, type EmbedderStatus } from './embedder.ts'
import type { Forecast } from './forecast.ts'
import { Lane } from './lane.ts'
import { RunTimes } from './run-times.ts'
import { type Assignment, Worker, type WorkerParts } from './worker.ts'

/** What it works with. */
export interface EmbedLaneParts
  extends Omit<EmbedderParts, 'changed' | 'now' | 'named'>,
    Pick<EmbedDispatcherParts, 'store' | 'waiting' | 'bus' | 'isUp'>,
    Pick<EmbedSlotParts, 'loader' | 'swapper' | 'first' | 'markDown'>,
    Omit<WorkerParts, 'host'> {
  readonly catalog: Catalog
  readonly embed: EmbedRules
  /** The worker has more to do, or may go on. */
  readonly wakeWorker: () => void
}

/** `embed` of the settings. */
export interface EmbedRules {
  readonly model: string | undefined
  readonly concurrency: number
}

/** What `GET /queue` and the metrics tell of it. */
export interface EmbedLaneStatus extends EmbedderStatus {
  readonly concurrency: number
  /** Calls on the target now. */
  readonly running: number
}

/** The lane, its embedder and the slot that this is loaded in. */
export class EmbedLane {
  readonly #parts: EmbedLaneParts
  readonly #embedder: Embedder
  /** For the dispatcher of the worker. */
  readonly slot: EmbedSlot
  readonly #dispatcher: EmbedDispatcher
  readonly #workers: readonly Worker[]
  readonly #lanes: readonly Lane<Assignment>[]
  readonly #runTimes = new RunTimes()
  /** The runner that the lanes were sorted by, `null` for none; undefined where they must be sorted anew. */
  #sorted: string | null | undefined

  constructor(parts: EmbedLaneParts) {
    this.#parts = parts
    const { embed, log } = parts
    const now = Date.now
    const alarm = new Alarm(() => this.offer())
    this.#embedder = new Embedder({ ...parts, named: embed.model, now, changed: () => this.#sort() })
    const embedder = this.#embedder
    const onError = (err: unknown) => log.error({ err }, 'the embed lane met a fault of its own')
    this.slot = new EmbedSlot({
      ...parts,
      embedder,
      now,
      onError
    })
    const mostDurable = Math.max(1, embed.concurrency - 1)
    this.#dispatcher = new EmbedDispatcher({
      ...parts,
      embedder,
      mostDurable,
      now,
      wakeAt: at => alarm.set(at)
    })
    this.#workers = Array.from({ length: embed.concurrency }, () => this.#worker())
    this.#lanes = this.#workers.map(worker => this.#lane(worker, onError))
  }

  /** What is known of the embedder, and how many of its calls run. */
  get status(): EmbedLaneStatus {
    return { ...this.#embedder.status, concurrency: this.#lanes.length, running: this.running }
  }

  /** Calls on the target now. */
  get running(): number {
    return this.#lanes.filter(lane => lane.busy).length
  }

  /** Where a job belongs that comes in now. */
  laneOf({ kind, runner, attached }: Pick<Job, 'kind' | 'runner' | 'attached'>): string | undefined {
    if (kind !== 'embed' || !this.#embedder.takes(runner)) return undefined
    return attached ? bypassLane : embedLane
  }

  /** The `keep_alive` for requests to a runner that is kept here; undefined for all others. */
  keepAliveOf(runner: string): number | undefined {
    return this.#embedder.keeps(runner) ? forever : undefined
  }

  /** Begins to take jobs. `isOpen`: not in a pause. */
  start(isOpen: boolean): void {
    // The list of the last run may be there already.
    this.chooseAnew()
    if (isOpen) this.#dispatcher.open()
    for (const lane of this.#lanes) lane.start()
  }

  /** The list of models is another one. */
  chooseAnew(): void {
    this.#embedder.choose()
    this.#sort(true)
    this.#parts.wakeWorker()
  }

  /** The target is back. What it has kept, a look tells; what it refused to hold or to load is tried again. */
  wasAway(): void {
    this.#embedder.retry('the target was away')
    this.offer()
  }

  /** The target is another one: nothing that was learned of it need be true any more. */
  beginAnew(reason: string): void {
    this.#embedder.begin(reason)
    this.#parts.wakeWorker()
  }

  /** Gives out work again. */
  open(): void {
    this.#dispatcher.open()
    this.offer()
  }

  /** Gives out nothing more; what runs goes on. */
  shut(): void {
    this.#dispatcher.shut()
  }

  /** Something came in, or may run now. */
  offer(): void {
    this.#dispatcher.changed()
    for (const lane of this.#lanes) lane.offer()
  }

  /** Cancels a job that runs here. @returns the job as it is then; undefined where it does not run here */
  cancel(jobId: string): Job | undefined {
    for (const worker of this.#workers) {
      const canceled = worker.cancel(jobId)
      if (canceled !== undefined) return canceled
    }
    return undefined
  }

  /** How far a job is that runs here. */
  progressOf(jobId: string): RunProgress | undefined {
    return this.#workers.map(worker => worker.progressOf(jobId)).find(progress => progress !== undefined)
  }

  /** For a job of this lane that waits: those before it, a few at a time, each as long as the last ones took. */
  forecast(job: Job): Forecast {
    const { waiting } = this.#parts
    const now = Date.now()
    const before = job.attached ? Math.max(0, this.#dispatcher.shares.size - 1) : waiting.countBefore(job)
    const fromAt = Math.max(now, job.availableAt)
    const rounds = Math.floor((before + this.running) / this.#lanes.length)
    const { meanMs, deviationMs } = this.#runTimes.of(job.runner)
    const estimatedStartAt = fromAt + Math.round(rounds * meanMs)
    const startP90At = fromAt + Math.ceil(rounds * (meanMs + deviationMs))
    return { position: before, estimatedStartAt, startP90At }
  }

  /** Ends what runs: durable jobs go back to the queue, attached ones fail with `reason`. */
  interrupt(reason: ForemanError): void {
    for (const worker of this.#workers) worker.interrupt(reason)
  }

  /** Takes no further job; settles when those that run have ended. */
  async stop(): Promise<void> {
    this.shut()
    await Promise.all([this.slot.stop(), ...this.#lanes.map(lane => lane.stop())])
  }

  #worker(): Worker {
    const host = { load: notLoadedHere, ran: (job: Job) => this.#ran(job) }
    return new Worker({ ...this.#parts, host, options: { ...this.#parts.options, callLane: 'shared' } })
  }

  #lane(worker: Worker, onError: (err: unknown) => void): Lane<Assignment> {
    const next = () => this.#dispatcher.next()
    return new Lane({ next, run: assignment => worker.run(assignment), onError })
  }

  #ran(job: Job): void {
    this.#dispatcher.ran(job)
    if (job.state === 'done' && job.startedAt !== null)
      this.#runTimes.record(job.runner, Date.now() - job.startedAt)
    if (job.error !== null) void this.#parts.first().look()
    if (job.state === 'queued' && !this.#embedder.takes(job.runner)) this.#sort(true)
  }

  // Every job is where the embedder's state says; what serves is asked for work.
  #sort(anyway = false): void {
    const { runner } = this.#embedder.status
    const taken = runner !== undefined && this.#embedder.takes(runner) ? runner : null
    if (anyway || taken !== this.#sorted) {
      this.#sorted = this.#moveAll(taken) ? taken : undefined
      this.#parts.wakeWorker()
    }
    this.offer()
  }

  // What a full disk does not take is done with the next change.
  #moveAll(taken: string | null): boolean {
    try {
      this.#dispatcher.shares.replace(sortEmbeds(this.#parts.db, taken ?? undefined))
      return true
    } catch (err) {
      if (!isStorageFailure(err)) throw err
      this.#parts.log.error({ err }, 'waiting embeddings could not be moved to their lane')
      return false
    }
  }
}

async function notLoadedHere(): Promise<void> {
  throw new Error('the embed lane loads nothing')
}

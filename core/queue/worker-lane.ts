/** The worker's lane: one dispatcher, one worker, one job at a time. The embed lane beside it is `embed-lane.ts`. */
import type { ForemanError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import { Alarm } from './alarm.ts'
import type { RunProgress } from './answer.ts'
import { Dispatcher, type DispatcherParts } from './dispatcher.ts'
import { Lane } from './lane.ts'
import { type Assignment, Worker, type WorkerParts } from './worker.ts'

/** What it works with. */
export interface WorkerLaneParts
  extends Omit<DispatcherParts, 'now' | 'wakeAt' | 'wake' | 'log'>,
    Omit<WorkerParts, 'host'> {}

/** Runs the jobs that the schedule chooses. */
export class WorkerLane {
  /** Chooses, loads and learns. */
  readonly dispatcher: Dispatcher
  readonly #worker: Worker
  readonly #lane: Lane<Assignment>

  constructor(parts: WorkerLaneParts) {
    const alarm = new Alarm(() => this.offer())
    const wakeAt = (at: number | undefined) => alarm.set(at)
    this.dispatcher = new Dispatcher({ ...parts, now: Date.now, wakeAt, wake: () => this.offer() })
    this.#worker = new Worker({ ...parts, host: this.dispatcher })
    this.#lane = new Lane({
      next: () => this.dispatcher.next(),
      run: assignment => this.#worker.run(assignment),
      onError: err => parts.log.error({ err }, 'the lane met a fault of its own')
    })
  }

  /** Begins to take jobs. `isOpen`: not in a pause. */
  start(isOpen: boolean): void {
    if (isOpen) this.dispatcher.open()
    this.#lane.start()
  }

  /** Gives out work again. */
  open(): void {
    this.dispatcher.open()
    this.offer()
  }

  /** Gives out nothing more; what runs goes on. */
  shut(): void {
    this.dispatcher.shut()
  }

  /** Something changed that may let a job run. */
  offer(): void {
    this.#lane.offer()
  }

  /** Whether a job is on the target now, or is being loaded for. */
  get busy(): boolean {
    return this.#lane.busy
  }

  /** For how long the target has sent nothing to the running call; 0 where none runs. */
  get silentMs(): number {
    return this.#worker.silentMs
  }

  /** Looks at what the target has in memory. Of the runner of a job nothing follows: its end tells soon enough. */
  async look(): Promise<void> {
    if (this.busy) await this.dispatcher.lookBeside().catch(() => {})
    else await this.dispatcher.look()
  }

  /** Cancels the job that runs here. @returns the job as it is then; undefined where it does not run here */
  cancel(jobId: string): Job | undefined {
    return this.#worker.cancel(jobId)
  }

  /** How far the job is that runs here, as far as can be told before its end. */
  progressOf(jobId: string): RunProgress | undefined {
    return this.#worker.progressOf(jobId)
  }

  /** Ends what runs: a durable job goes back to the queue, an attached one fails with `reason`. */
  interrupt(reason: ForemanError): void {
    this.#worker.interrupt(reason)
  }

  /** Takes no further job; settles when the running one has ended. */
  async stop(): Promise<void> {
    this.shut()
    await this.#lane.stop()
  }
}

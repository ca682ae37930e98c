/**
 * A lane: one job at a time, one after another. The only file that imports better-queue (ADR 0015).
 *
 * The library drives take, run and release; everything it could lose work with (push, retry, timeout,
 * cancel, crash resume) stays unused and lives in foreman's own tables.
 */
import BetterQueue from 'better-queue'
import { type NextTask, ParkedTake } from './parked-take.ts'

/** What a lane needs of its owner. */
export interface LaneOptions<T> {
  /** The job to run now, already marked as taken, or undefined. */
  readonly next: NextTask<T>
  /** Runs one job to its end. The next is not asked for before it settles; a rejection is only reported. */
  readonly run: (job: T) => Promise<void>
  /** Told what `next` threw or `run` rejected with: faults of foreman's own. */
  readonly onError: (err: unknown) => void
}

/** Runs what `next` gives, strictly one at a time. Nothing runs before {@link Lane.start}. */
export class Lane<T extends { readonly id: string }> {
  readonly #options: LaneOptions<T>
  readonly #take: ParkedTake<T>
  readonly #queue: BetterQueue<T>
  #running: Promise<void> | undefined

  constructor(options: LaneOptions<T>) {
    this.#options = options
    this.#take = new ParkedTake(options.next, options.onError)
    this.#queue = new BetterQueue<T>((job, done) => this.#run(job, done), {
      store: this.#take,
      concurrent: 1,
      batchSize: 1,
      autoResume: false
    })
    this.#queue.on('error', options.onError)
  }

  /** Begins to take jobs. */
  start(): void {
    this.#queue.resume()
  }

  /** Something changed that may let a job run. Cheap where it does not. */
  offer(): void {
    this.#take.offer()
  }

  /** Whether a job runs. */
  get busy(): boolean {
    return this.#running !== undefined
  }

  /** Takes no further job; settles when the running one has ended. */
  async stop(): Promise<void> {
    this.#take.shut()
    this.#queue.pause()
    await this.#running
    await new Promise<void>(resolve => this.#queue.destroy(() => resolve()))
  }

  // better-queue takes a rejection of its process function for an unhandled one, and holds the worker for ever.
  #run(job: T, done: (err?: unknown) => void): void {
    this.#running = this.#options.run(job).catch(this.#options.onError)
    void this.#running.then(() => {
      this.#running = undefined
      done()
    })
  }
}

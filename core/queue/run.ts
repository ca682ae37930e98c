/** One attempt of one job while it lasts: the job as it is now, what may end it, and where its answer goes. */
import type { ForemanError } from '../errors.ts'
import { CanceledError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import type { JobState } from '../jobs/states.ts'
import { hasEnded } from '../jobs/states.ts'
import type { Change, JobStore } from '../jobs/store.ts'
import type { AnswerWriter } from './answer-writer.ts'
import type { Relay } from './relay.ts'

/** Keeps the newest version of its job; every transition of a running job goes through here. */
export class Run {
  readonly #store: JobStore
  readonly #abort = new AbortController()
  #job: Job
  /** What passes the answer on, once the target is called. */
  relay: Relay | undefined
  /** What writes the answer down while it comes, where it is followed or kept. */
  writer: AnswerWriter | undefined

  constructor(store: JobStore, job: Job) {
    this.#store = store
    this.#job = job
  }

  get job(): Job {
    return this.#job
  }

  /** Aborted with the {@link ForemanError} that ends the run. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Whether the job ended while its runner was still being loaded. */
  get over(): boolean {
    return hasEnded(this.#job.state)
  }

  /** Takes the job to another state; what has come of its answer is in the log before. */
  move(state: JobState, change?: Change): void {
    const answer = this.writer?.pending
    this.#job = this.#store.move(this.#job, state, answer === undefined ? change : { ...change, answer })
    this.writer?.written()
  }

  /** Writes down what has come of the answer. */
  write(): void {
    const answer = this.writer?.pending
    if (answer === undefined) return
    this.#job = this.#store.addAnswer(this.#job, answer)
    this.writer?.written()
  }

  /** Ends the call to the target, for this reason. The run settles once its connection is closed. */
  abort(reason: ForemanError): void {
    this.#abort.abort(reason)
  }

  /**
   * Cancels. A job whose runner is being loaded ends at once and the load goes on, since others may want it;
   * a working one ends when the target has been left.
   */
  cancel(): void {
    if (this.over || this.#job.state === 'canceling') return
    const loading = this.#job.state === 'loading'
    this.move('canceling')
    if (loading) this.move('canceled')
    this.abort(new CanceledError())
  }
}

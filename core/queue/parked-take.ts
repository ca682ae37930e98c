/**
 * The store that better-queue is given: it keeps the library's one take until a job may run.
 *
 * better-queue asks for work once and then waits for the answer. This store parks that question and answers
 * it from {@link ParkedTake.offer}, which whoever makes work possible calls: an arrival, a retry that falls
 * due, a target that is back. So an idle start costs no timer and no polling. Only here and in `lane.ts` a
 * job is called task, which is the library's word.
 */
import type { BetterQueueStore } from 'better-queue'

type TakeAnswer = (err?: unknown, lockId?: string) => void

/** Where the next task comes from. It may throw: the take stays parked then. An offer made within it is ignored. */
export type NextTask<T> = () => T | undefined

// `length` of better-queue counts down with every task and stops the library at 0. It never counts ours, so it
// starts where it cannot get to the bottom.
const neverEmpty = 1e9
const lockId = 'the one running task'
const nothingNow = ''

/** One parked take; never hands out a task while one runs. */
export class ParkedTake<T extends { readonly id: string }> implements BetterQueueStore<T> {
  readonly #next: NextTask<T>
  readonly #onError: (err: unknown) => void
  #parked: TakeAnswer | undefined
  #taken: T | undefined
  #closed = false

  constructor(next: NextTask<T>, onError: (err: unknown) => void) {
    this.#next = next
    this.#onError = onError
  }

  /** Looks for a task, if better-queue is waiting for one. Call it whenever one may have become runnable. */
  offer(): void {
    const answer = this.#parked
    if (answer === undefined || this.#taken !== undefined || this.#closed) return
    // Out of reach of an offer that the look itself brings about: two tasks for one take would lose one.
    this.#parked = undefined
    const task = this.#tryNext()
    if (task === undefined) {
      this.#parked = answer
      return
    }
    this.#taken = task
    // Outside any try: the task starts to run inside this call.
    answer(null, lockId)
  }

  /** Answers the parked take with "nothing now"; nothing is handed out any more. */
  shut(): void {
    this.#closed = true
    this.#parked?.(null, nothingNow)
    this.#parked = undefined
  }

  connect(cb: (err?: unknown, length?: number) => void): void {
    cb(null, neverEmpty)
  }

  /** None: tasks that a dead process left running were put right before this store was made. */
  getRunningTasks(cb: (err?: unknown, running?: Record<string, Record<string, T>>) => void): void {
    cb(null, {})
  }

  takeFirstN(_count: number, cb: TakeAnswer): void {
    if (this.#closed) return cb(null, nothingNow)
    this.#parked = cb
    this.offer()
  }

  getLock(id: string, cb: (err?: unknown, tasks?: Record<string, T>) => void): void {
    const task = id === lockId ? this.#taken : undefined
    cb(null, task === undefined ? {} : { [task.id]: task })
  }

  releaseLock(_id: string, cb: (err?: unknown) => void): void {
    this.#taken = undefined
    cb(null)
  }

  getTask(_id: string, cb: (err?: unknown, task?: T) => void): void {
    cb(null, undefined)
  }

  putTask(_id: string, _task: T, _priority: number | undefined, cb: (err?: unknown) => void): void {
    cb(new Error('foreman never pushes'))
  }

  deleteTask(_id: string, cb: (err?: unknown) => void): void {
    cb(new Error('foreman never cancels through better-queue'))
  }

  close(cb: (err?: unknown) => void): void {
    cb(null)
  }

  #tryNext(): T | undefined {
    try {
      return this.#next()
    } catch (err) {
      this.#onError(err)
      return undefined
    }
  }
}

/** The part of better-queue 3.8 that foreman uses; the published typings do not fit the library. */
declare module 'better-queue' {
  import type { EventEmitter } from 'node:events'

  type Callback<T = void> = (err?: unknown, value?: T) => void

  /** The store as the library really calls it. */
  export interface BetterQueueStore<T> {
    connect(cb: Callback<number>): void
    getRunningTasks(cb: Callback<Record<string, Record<string, T>>>): void
    getTask(id: string, cb: Callback<T>): void
    putTask(id: string, task: T, priority: number | undefined, cb: Callback): void
    deleteTask(id: string, cb: Callback): void
    takeFirstN(count: number, cb: Callback<string>): void
    getLock(lockId: string, cb: Callback<Record<string, T>>): void
    releaseLock(lockId: string, cb: Callback): void
    close(cb: Callback): void
  }

  export default class BetterQueue<T> extends EventEmitter {
    constructor(
      process: (task: T, cb: Callback) => void,
      options: { store: BetterQueueStore<T>; concurrent: 1; batchSize: 1; autoResume: false }
    )
    resume(): void
    pause(): void
    destroy(cb: Callback): void
  }
}

/**
 * One model in memory: who uses it, until when it stays, and its permits to generate.
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { displayName } from '../catalog/model-name.ts'
import type { LoadOptions } from './load-options.ts'

/** A request as the scheduler sees it. Aborting `controller` ends it. */
export interface RunnerUser {
  readonly number: number
  readonly controller: AbortController
}

/** Its process died under the requests that used it; the words depend on how far they were. */
export class RunnerDiedError extends Error {
  constructor(generating: boolean) {
    super(
      generating
        ? 'an error was encountered while running the model: unexpected EOF'
        : 'llama-server process no longer running: unknown '
    )
  }
}

/** A resident model. */
export class Runner {
  readonly entry: CatalogEntry
  readonly options: LoadOptions
  readonly users = new Set<RunnerUser>()
  /** Idle time before it is unloaded; 0 or less at once. */
  keepAliveMs: number
  /** Set when it last became idle, or by an unload request; ms since 1970. */
  expiresAtMs: number | undefined
  timer: NodeJS.Timeout | undefined
  /** Its process is gone. It stays resident until it expires or its next request finds out. */
  dead = false
  #free: number
  readonly #waiting: { wake: () => void; signal: AbortSignal }[] = []

  constructor(entry: CatalogEntry, options: LoadOptions, keepAliveMs: number, permits: number) {
    this.entry = entry
    this.options = options
    this.keepAliveMs = keepAliveMs
    this.#free = permits
  }

  /** The name that loaded it, which is the one `/api/ps` shows. */
  get shownName(): string {
    return displayName(this.entry.name)
  }

  /** Takes a permit to generate, first come first served. @throws the signal's reason when it is aborted. */
  async acquirePermit(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#free > 0) {
      this.#free--
      return
    }
    await new Promise<void>((resolve, reject) => {
      const waiter = { wake, signal }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal.reason)
      }
      function wake(): void {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiter)
    })
  }

  /** Gives a permit back, to the request that waits longest. */
  releasePermit(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next.wake()
  }

  /** Ends its process: every request on it fails. */
  die(): void {
    this.dead = true
    const waiting = new Set(this.#waiting.map(waiter => waiter.signal))
    for (const { controller } of this.users) {
      controller.abort(new RunnerDiedError(!waiting.has(controller.signal)))
    }
  }

  stopTimer(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }
}

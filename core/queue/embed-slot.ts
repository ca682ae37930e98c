/**
 * The second slot of the target's memory: loads the embedder and keeps it, and holds that against `/api/ps`.
 *
 * Loads between two jobs of the worker, and only then: the worker asks before it gives out work. Whether both models
 * really stay is asked after every load of either.
 */
import type { Database } from 'better-sqlite3'
import { isForemanError } from '../errors.ts'
import { TargetError } from '../target/client.ts'
import { EmbedRecord } from './embed-record.ts'
import type { Embedder } from './embedder.ts'
import type { Loader } from './loader.ts'
import type { Resident } from './resident.ts'
import type { Swapper } from './swap.ts'
import type { Wanted } from './wanted.ts'

/** For ever, as the target takes it. */
export const forever = -1

/** The worker's slot, as this one sees it. */
export interface FirstSlot {
  /** What foreman loaded there. */
  readonly residents: readonly Resident[]
  /** It is not loaded any more. */
  lost(runner: string): void
  /** Holds the record there against the target. */
  look(): Promise<void>
}

/** What it works with. */
export interface EmbedSlotParts {
  readonly db: Database
  readonly embedder: Embedder
  readonly swapper: Swapper
  readonly loader: Pick<Loader, 'loaded'>
  readonly first: () => FirstSlot
  readonly markDown: (error: TargetError) => void
  readonly now: () => number
  /** Told of what nobody foresaw. */
  readonly onError: (err: unknown) => void
}

/** Loads and watches. */
export class EmbedSlot {
  readonly #parts: EmbedSlotParts
  readonly #record: EmbedRecord
  readonly #stop = new AbortController()
  #warming: Promise<void> | undefined

  constructor(parts: EmbedSlotParts) {
    this.#parts = parts
    this.#record = new EmbedRecord(parts.db)
  }

  /** Whether the worker must wait: something is being loaded here, which this call may have begun. */
  holdsBack(now: number): boolean {
    if (this.#stop.signal.aborted) return false
    if (this.#warming === undefined && this.#parts.embedder.isDue(now)) this.#warming = this.#warm()
    return this.#warming !== undefined
  }

  /** When it is to be asked again at the latest; undefined where only a change can matter. */
  nextAt(now: number): number | undefined {
    return this.#parts.embedder.nextAt(now)
  }

  /** Whether this must not be unloaded for something else. */
  keeps({ runner }: Resident): boolean {
    return this.#parts.embedder.keeps(runner)
  }

  /** The worker has loaded `wanted`: looks whether the embedder is still there. Never throws. */
  async loadedBeside({ runner }: Wanted): Promise<void> {
    const { embedder, loader } = this.#parts
    if (!embedder.serves || embedder.sharesWeights(runner.key)) return embedder.loadedBeside(runner.key)
    try {
      embedder.loadedBeside(runner.key, await loader.loaded())
    } catch (err) {
      // The next look tells; the job that was loaded for finds out whether the target is away.
      if (!(err instanceof TargetError)) throw err
    }
  }

  /** What a look at the target showed while nothing was being loaded by the worker. */
  looked(loaded: readonly { readonly digest: string }[]): void {
    if (this.#warming === undefined) this.#parts.embedder.looked(loaded)
  }

  /** Ends a load that is under way. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#warming
  }

  async #warm(): Promise<void> {
    const { embedder, first, onError } = this.#parts
    const wanted = embedder.wanted!
    try {
      await this.#load(wanted)
    } catch (err) {
      this.#notLoaded(wanted, err)
    } finally {
      this.#warming = undefined
    }
    // Also says that the worker may go on.
    if (!this.#stop.signal.aborted) await first().look().catch(onError)
  }

  async #load(wanted: Wanted): Promise<void> {
    const { embedder, swapper, loader, first, now } = this.#parts
    const { signal } = this.#stop
    const { residents } = first()
    // The same weights in another way: the target reloads them, and shows no difference.
    for (const { runner } of residents) {
      if (embedder.sharesWeights(runner) && runner !== wanted.runner.key) first().lost(runner)
    }
    const left = this.#left(wanted, residents)
    await swapper.swap(left === undefined ? [] : [left], wanted, signal, forever)
    this.#record.set(wanted, now())
    const loaded = await loader.loaded()
    // The list of models may have changed meanwhile: then it is loaded anew.
    if (embedder.wanted?.runner.key !== wanted.runner.key) return
    embedder.warmed(loaded, first().residents)
    if (embedder.status.state === 'does_not_hold') await this.#letGo(signal)
  }

  /** What was pinned here before and is nobody's now. */
  #left({ runner }: Wanted, residents: readonly Resident[]): Resident | undefined {
    const { current } = this.#record
    if (current === undefined || current.runner === runner.key) return undefined
    if (this.#parts.embedder.sharesWeights(current.runner)) return undefined
    return residents.some(({ digest }) => digest === current.digest) ? undefined : current
  }

  async #letGo(signal: AbortSignal): Promise<void> {
    const { current } = this.#record
    this.#record.clear()
    if (current !== undefined) await this.#parts.swapper.unload(current, signal)
  }

  #notLoaded(wanted: Wanted, err: unknown): void {
    const { embedder, markDown, onError } = this.#parts
    if (this.#stop.signal.aborted) return
    if (err instanceof TargetError) markDown(err)
    // Where it is away, nothing is tried before it is back.
    if (isAway(err) || embedder.wanted?.runner.key !== wanted.runner.key) return
    if (!isForemanError(err) && !(err instanceof TargetError)) onError(err)
    embedder.failed(err as Error)
  }
}

function isAway(err: unknown): boolean {
  return err instanceof TargetError && err.kind !== 'status' && err.kind !== 'protocol'
}

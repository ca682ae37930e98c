/**
 * The embedder: which model is kept loaded beside the worker's for embeddings, and whether that holds (ADR 0013).
 *
 * Decides and remembers only; `embed-slot.ts` loads, and tells what the target showed. Two models in memory are the
 * target's to allow: where one pushes the other out twice in a row, embeddings run as jobs of the worker until it is
 * tried again.
 */
import type { Database } from 'better-sqlite3'
import type { FastifyBaseLogger } from 'fastify'
import { isStorageFailure } from '../database/open.ts'
import type { Catalog } from '../target/catalog.ts'
import type { LoadedModel } from '../target/residency.ts'
import { chooseEmbedder, hasWeightsOf, isLoaded } from './embedder-choice.ts'
import type { RetryRules } from './failure.ts'
import { HeldRunners } from './held-runners.ts'
import type { Wanted } from './wanted.ts'

/**
 * `none`: there is no such model. `wanted`: it is to be loaded. `warm`: it is loaded, and stays. `does_not_hold`: the
 * target does not keep it beside the worker's model.
 */
export type EmbedderState = 'none' | 'wanted' | 'warm' | 'does_not_hold'

/** All states, in this order. */
export const embedderStates: readonly EmbedderState[] = ['none', 'wanted', 'warm', 'does_not_hold']

/** What is known of it. */
export interface EmbedderStatus {
  readonly state: EmbedderState
  /** Why, in words. */
  readonly reason: string
  /** ms since 1970. */
  readonly since: number
  /** The chosen model's name; undefined where none is. */
  readonly model: string | undefined
  /** The key of its runner. */
  readonly runner: string | undefined
}

/** What it works with. */
export interface EmbedderParts {
  readonly db: Database
  readonly catalog: Pick<Catalog, 'peek' | 'models'>
  /** `embed.model`. */
  readonly named: string | undefined
  readonly retry: RetryRules
  readonly log: FastifyBaseLogger
  /** ms since 1970. */
  readonly now: () => number
  /** Its model or its state is another one now. */
  readonly changed: () => void
}

/** Pushed out so often in a row, it does not hold: once may have been somebody else's doing. */
const mostPushes = 2
/** After this long a target that did not hold both is tried again. */
const tryAgainMs = 10 * 60 * 1000
const backAgain = 'no job has its weights loaded in another way any more'
const causes =
  'does it allow one model only (OLLAMA_MAX_LOADED_MODELS=1), or has it too little memory for both?'

/** Keeps the state. */
export class Embedder {
  readonly #parts: EmbedderParts
  readonly #held: HeldRunners
  #wanted: Wanted | undefined
  #status: Pick<EmbedderStatus, 'state' | 'reason' | 'since'>
  #pushes = 0
  #failed = false
  /** Jobs with load options of their own have its weights loaded: it does not hold for as long as they do. */
  #displaced = false
  /** When it is tried again, where it does not hold. */
  #retryAt = 0

  constructor(parts: EmbedderParts) {
    this.#parts = parts
    this.#held = new HeldRunners(parts.retry)
    this.#status = { state: 'none', reason: 'the target has not told yet what it has', since: parts.now() }
  }

  /** What is known now. */
  get status(): EmbedderStatus {
    return { ...this.#status, model: this.#wanted?.model.name, runner: this.#wanted?.runner.key }
  }

  /** What is to be loaded. */
  get wanted(): Wanted | undefined {
    return this.#wanted
  }

  /** Whether calls can be sent to it now. */
  get serves(): boolean {
    return this.#status.state === 'warm'
  }

  /** Whether embeddings with this runner are not for the worker, also while they wait until it is loaded. */
  takes(runner: string): boolean {
    const { state } = this.#status
    return runner === this.#wanted?.runner.key && (state === 'warm' || (state === 'wanted' && !this.#failed))
  }

  /** Whether a runner shares the weights that are kept loaded here: the worker must not unload it. */
  keeps(runner: string): boolean {
    const { state } = this.#status
    return (state === 'warm' || state === 'wanted') && this.sharesWeights(runner)
  }

  /** Whether a runner is made of the embedder's weights, with whatever options. */
  sharesWeights(runner: string): boolean {
    return this.#wanted !== undefined && hasWeightsOf(this.#wanted.model, runner)
  }

  /** Chooses anew by the newest list. */
  choose(): void {
    const before = this.#wanted
    const choice = chooseEmbedder(this.#parts.catalog, this.#parts.named)
    if ('reason' in choice) {
      this.#wanted = undefined
      this.#displaced = false
      return this.#become('none', choice.reason)
    }
    this.#wanted = choice
    const same = before?.runner.key === choice.runner.key && before.model.digest === choice.model.digest
    if (!same) this.begin(before === undefined ? 'it has not been loaded yet' : 'it is another model now')
  }

  /** Whether it is to be loaded before the worker gets more to do. */
  isDue(now: number): boolean {
    const { state } = this.#status
    if (state === 'does_not_hold') return !this.#displaced && now >= this.#retryAt
    return state === 'wanted' && !this.#held.holds(this.#wanted!.runner.key, now)
  }

  /** When it is to be loaded at the earliest, where that is later; undefined where no time is set. */
  nextAt(now: number): number | undefined {
    const { state } = this.#status
    if (state === 'does_not_hold') return this.#displaced ? undefined : this.#retryAt
    return state === 'wanted' ? this.#held.nextEnd(now) : undefined
  }

  /** A new beginning, since what is known of the target may not be true any more: a restart, another version. */
  begin(reason: string): void {
    if (this.#wanted === undefined) return
    this.#pushes = 0
    this.#failed = false
    this.#displaced = false
    this.#held.loaded(this.#wanted.runner.key)
    this.#become('wanted', reason)
  }

  /** Tries again what did not hold or could not be loaded; jobs that have its weights loaded keep them. */
  retry(reason: string): void {
    const failed = this.#failed || this.#status.state === 'does_not_hold'
    if (failed && !this.#displaced) this.begin(reason)
  }

  /** It was loaded, and `beside` it was there before; `loaded` is what the target shows after it. */
  warmed(loaded: readonly Pick<LoadedModel, 'digest'>[], beside: readonly { digest: string }[]): void {
    this.#failed = false
    this.#held.loaded(this.#wanted!.runner.key)
    if (!this.#isIn(loaded)) return this.#pushedOut('it was gone as soon as it was loaded')
    const out = beside.find(({ digest }) => !loaded.some(one => one.digest === digest))
    if (out !== undefined && ++this.#pushes >= mostPushes)
      return this.#doesNotHold("loading it pushed out the worker's model")
    if (out === undefined && beside.length > 0) this.#pushes = 0
    this.#become('warm', 'it is loaded, and stays')
  }

  /** It could not be loaded. Told in the log once, until it could be. */
  failed(error: Error): void {
    const { log, now } = this.#parts
    const { model, runner } = this.#wanted!
    if (!this.#failed) log.warn({ err: error, model: model.name }, 'the embedding model cannot be loaded')
    this.#failed = true
    this.#held.failed(runner.key, now())
    this.#become('wanted', `it could not be loaded: ${error.message}`)
  }

  /** The worker loaded `runner`; `loaded` is what the target shows after it, where that was asked. */
  loadedBeside(runner: string, loaded?: readonly Pick<LoadedModel, 'digest'>[]): void {
    if (this.sharesWeights(runner) && runner !== this.#wanted!.runner.key) return this.#displace()
    if (this.#displaced) return this.begin(backAgain)
    if (loaded === undefined || this.#status.state !== 'warm') return
    if (this.#isIn(loaded)) this.#pushes = 0
    else this.#pushedOut("a load of the worker's pushed it out")
  }

  /** What a look at the target showed while nothing was being loaded. */
  looked(loaded: readonly Pick<LoadedModel, 'digest'>[]): void {
    if (this.#wanted === undefined || this.#isIn(loaded)) return
    if (this.#displaced) this.begin(backAgain)
    else if (this.#status.state === 'warm')
      this.#become('wanted', 'the target does not have it loaded any more')
  }

  // Not the target's fault: loading it would take its weights from the jobs that use them now.
  #displace(): void {
    this.#displaced = true
    this.#become('does_not_hold', 'jobs with load options of their own have its weights loaded')
  }

  #pushedOut(reason: string): void {
    this.#pushes += 1
    if (this.#pushes >= mostPushes) this.#doesNotHold(reason)
    else this.#become('wanted', reason)
  }

  #doesNotHold(reason: string): void {
    const { log, now } = this.#parts
    this.#retryAt = now() + tryAgainMs
    // Next time once is enough.
    this.#pushes = mostPushes - 1
    log.warn(
      { model: this.#wanted!.model.name },
      `the target does not keep the embedding model beside another (${reason}): ${causes} Embeddings run as jobs of the worker, and swap like all others`
    )
    this.#become('does_not_hold', `${reason}: ${causes}`)
  }

  #isIn(loaded: readonly Pick<LoadedModel, 'digest'>[]): boolean {
    return isLoaded(this.#wanted!.model, loaded, this.#parts.catalog)
  }

  #become(state: EmbedderState, reason: string): void {
    const { changed, now, log } = this.#parts
    const same = state === this.#status.state
    if (!same && state === 'warm')
      log.info({ model: this.#wanted!.model.name }, 'the embedding model is loaded')
    this.#status = { state, reason, since: same ? this.#status.since : now() }
    this.#keep()
    changed()
  }

  // To be read by others: without room on the disk nothing depends on it.
  #keep(): void {
    const { state, reason, since, model, runner } = this.status
    try {
      this.#parts.db
        .prepare(
          'INSERT OR REPLACE INTO embedder (only, state, reason, since, model, runner) VALUES (1, ?, ?, ?, ?, ?)'
        )
        .run(state, reason, since, model ?? null, runner ?? null)
    } catch (err) {
      if (!isStorageFailure(err)) throw err
    }
  }
}

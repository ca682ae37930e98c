/** Brings into the target's memory what a job needs: finds out what that is, then swaps. */
import { ModelNotFoundError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import type { Catalog } from '../target/catalog.ts'
import type { TargetClient } from '../target/client.ts'
import type { Inference } from '../target/inference.ts'
import type { LoadedModels } from '../target/loaded-models.ts'
import type { LoadedModel } from '../target/residency.ts'
import type { AttachedCalls } from './answer.ts'
import { askedOf } from './asked-of.ts'
import type { ContextPolicy } from './context-policy.ts'
import type { Resident } from './resident.ts'
import { type SwapOptions, Swapper } from './swap.ts'
import { peekWanted, type Wanted } from './wanted.ts'

/** What the dispatcher needs of the target. */
export interface Loader {
  /**
   * Loads what `job` needs in place of the `old` ones.
   * @throws {ModelNotFoundError} {LoadFailedError} {LoadTimeoutError}; {TargetError} where the target is away
   */
  load(job: Job, old: readonly Resident[], stop: AbortSignal): Promise<Wanted>
  /** What the target has in memory now. @throws {TargetError} */
  loaded(): Promise<readonly Pick<LoadedModel, 'digest'>[]>
}

/** Loads on the real target. */
export class TargetLoader implements Loader {
  readonly #catalog: Catalog
  readonly #store: JobStore
  readonly #attached: AttachedCalls
  readonly #contexts: ContextPolicy
  /** All loads of foreman's own go through this one. */
  readonly swapper: Swapper
  readonly #loadedModels: LoadedModels

  constructor(parts: {
    client: TargetClient
    catalog: Catalog
    store: JobStore
    attached: AttachedCalls
    contexts: ContextPolicy
    loadedModels: LoadedModels
    swap: SwapOptions
  }) {
    this.#catalog = parts.catalog
    this.#store = parts.store
    this.#attached = parts.attached
    this.#contexts = parts.contexts
    this.#loadedModels = parts.loadedModels
    this.swapper = new Swapper(parts.client, parts.swap)
  }

  async load(job: Job, old: readonly Resident[], stop: AbortSignal): Promise<Wanted> {
    // The model may have gone, or have become another one, while the job waited.
    await this.#catalog.refresh()
    const inference = this.#inference(job)
    const wanted = inference && peekWanted(this.#catalog, this.#contexts.fitted(inference, job.runner))
    if (wanted === undefined) throw new ModelNotFoundError(job.model)
    await this.swapper.swap(old, wanted, stop)
    return wanted
  }

  async loaded(): Promise<readonly LoadedModel[]> {
    const { shown } = this.swapper
    const before = shown.changes
    const models = await this.#loadedModels.look()
    if (before !== shown.changes) return models
    return shown.asRecorded(models, ({ name }) => this.#catalog.peek(name)?.weights)
  }

  /** What a waiting job needs by the last list; undefined where its model is not installed. */
  wanted(job: Job): Wanted | undefined {
    const inference = this.#inference(job)
    return inference && peekWanted(this.#catalog, this.#contexts.raised(inference))
  }

  #inference(job: Job): Inference | undefined {
    return askedOf(job, this.#store, this.#attached)
  }
}

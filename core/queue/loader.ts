/** Brings into the target's memory what a job needs: finds out what that is, then swaps. */
import { ModelNotFoundError } from '../errors.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import type { Catalog } from '../target/catalog.ts'
import type { TargetClient } from '../target/client.ts'
import { readInference } from '../target/inference.ts'
import { type LoadedModel, readResidency } from '../target/residency.ts'
import type { AttachedCalls } from './answer.ts'
import type { Resident } from './resident.ts'
import { type SwapOptions, Swapper } from './swap.ts'
import { peekWanted, type Wanted } from './wanted.ts'

/** What the dispatcher needs of the target. */
export interface Loader {
  /**
   * Loads what `job` needs in place of `old`.
   * @throws {ModelNotFoundError} {LoadFailedError} {LoadTimeoutError}; {TargetError} where the target is away
   */
  load(job: Job, old: Resident | undefined, stop: AbortSignal): Promise<Wanted>
  /** What the target has in memory now. @throws {TargetError} */
  loaded(): Promise<readonly Pick<LoadedModel, 'digest'>[]>
}

/** Loads on the real target. */
export class TargetLoader implements Loader {
  readonly #client: TargetClient
  readonly #catalog: Catalog
  readonly #store: JobStore
  readonly #attached: AttachedCalls
  readonly #swapper: Swapper
  /** What the target had in memory when it was last looked at. */
  seen: readonly LoadedModel[] = []

  constructor(parts: {
    client: TargetClient
    catalog: Catalog
    store: JobStore
    attached: AttachedCalls
    swap: SwapOptions
  }) {
    this.#client = parts.client
    this.#catalog = parts.catalog
    this.#store = parts.store
    this.#attached = parts.attached
    this.#swapper = new Swapper(parts.client, parts.swap)
  }

  async load(job: Job, old: Resident | undefined, stop: AbortSignal): Promise<Wanted> {
    // The model may have gone, or have become another one, while the job waited.
    await this.#catalog.refresh()
    const wanted = this.wanted(job)
    if (wanted === undefined) throw new ModelNotFoundError(job.model)
    await this.#swapper.swap(old, wanted, stop)
    return wanted
  }

  async loaded(): Promise<readonly LoadedModel[]> {
    this.seen = await readResidency(this.#client)
    return this.seen
  }

  /** What `job` needs by the last list; undefined where its model is not installed. */
  wanted(job: Job): Wanted | undefined {
    const inference = this.#attached.get(job.id)?.inference ?? this.#stored(job)
    return inference && peekWanted(this.#catalog, inference)
  }

  #stored(job: Job) {
    const request = this.#store.request(job)
    const inference = request && readInference(request.path, request.body)
    return inference?.malformed ? undefined : inference
  }
}

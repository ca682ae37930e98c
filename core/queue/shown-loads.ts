/**
 * How `/api/ps` shows what foreman loaded. Not always as it was asked for:
 *
 * - of several names on the same weights only the one that loaded first is listed, which may be somebody else's;
 * - a model that others had loaded with another context is listed as before, but it is not foreman's runner any more.
 *
 * Of all that makes a runner another one, `context_length` is the only thing told. What it says of foreman's own load
 * is learned at the first look: servers differ in what they clamp. Source: ollama/ollama server/sched.go, `needsReload`.
 */
import type { LoadedModel } from '../target/residency.ts'
import type { Wanted } from './wanted.ts'

interface Load {
  /** Of the manifest that it was loaded by, as the record of what is resident has it. */
  readonly digest: string
  contextLength: number | undefined
}

/** Foreman's loads of this process, by weights. After a restart of foreman digests alone count. */
export class ShownLoads {
  readonly #loads = new Map<string, Load>()
  #changes = 0
  #loading = false

  /** Changes with the begin and the end of each load: an answer that came between two values is not sure. */
  get changes(): number {
    return this.#changes
  }

  /** A load begins. */
  begin(): void {
    this.#changes += 1
    this.#loading = true
  }

  /** It is over; `wanted` is loaded, where it is given. */
  end(wanted?: Wanted): void {
    this.#changes += 1
    this.#loading = false
    if (wanted === undefined) return
    this.#loads.set(wanted.model.weights, { digest: wanted.model.digest, contextLength: undefined })
  }

  /** The list as the record would have it: own loads under their own digest, those that others made anew left out. */
  asRecorded(
    models: readonly LoadedModel[],
    weightsOf: (model: LoadedModel) => string | undefined
  ): LoadedModel[] {
    if (this.#loading) return [...models]
    return models.flatMap(model => {
      const load = this.#loads.get(weightsOf(model) ?? '')
      if (load === undefined) return [model]
      load.contextLength ??= model.contextLength
      return model.contextLength === load.contextLength ? [{ ...model, digest: load.digest }] : []
    })
  }
}

/**
 * What the target had in memory when it was last looked at, and what changed between two looks.
 *
 * Whoever looks, looks through here: then nothing is told twice. While the target is away the last answer stays.
 */
import { EventEmitter } from 'node:events'
import { type TargetClient, TargetError } from './client.ts'
import { type LoadedModel, readLoaded } from './residency.ts'

/** An answer of the target, parsed, and when it came. */
export interface TargetAnswer {
  readonly body: unknown
  readonly at: Date
}

interface LoadedModelsEvents {
  /** It was not there at the last look, or not so: a load under another name or with another context is another one. */
  loaded: [model: LoadedModel]
  /** It is not there any more. */
  unloaded: [model: LoadedModel]
  /** A look is over and the list replaced; told after what changed. */
  looked: []
}

/** The list of one target, empty until the first look. */
export class LoadedModels extends EventEmitter<LoadedModelsEvents> {
  readonly #client: TargetClient
  #models: ReadonlyMap<string, LoadedModel> = new Map()
  #answer: TargetAnswer | undefined
  #looks = 0
  #newest = 0

  constructor(client: TargetClient) {
    super()
    this.#client = client
  }

  /** In the target's order. */
  get models(): readonly LoadedModel[] {
    return [...this.#models.values()]
  }

  /** The last answer of `/api/ps` as it was; undefined before the first. */
  get answer(): TargetAnswer | undefined {
    return this.#answer
  }

  /**
   * Asks the target. Where looks overlap, one that began before the newest that was answered changes nothing.
   *
   * @returns what this look saw
   * @throws {TargetError} when it does not answer, or without a list (`protocol`); the last list stays
   */
  async look(): Promise<readonly LoadedModel[]> {
    const turn = ++this.#looks
    const body = await this.#client.json('GET', '/api/ps')
    const models = readLoaded(body)
    if (!models) throw new TargetError('protocol', { detail: '/api/ps answered without a list of models' })
    if (turn > this.#newest) {
      this.#newest = turn
      this.#answer = { body, at: new Date() }
      this.#replace(models)
    }
    return models
  }

  #replace(models: readonly LoadedModel[]): void {
    const before = this.#models
    const now = new Map(models.map(model => [keyOf(model), model]))
    this.#models = now
    for (const [key, model] of before) if (!now.has(key)) this.emit('unloaded', model)
    for (const [key, model] of now) if (!before.has(key)) this.emit('loaded', model)
    this.emit('looked')
  }
}

function keyOf({ name, digest, contextLength }: LoadedModel): string {
  return `${digest} ${contextLength} ${name}`
}

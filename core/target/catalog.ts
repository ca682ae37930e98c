/**
 * The catalog: which models the target has installed, and what decides their runners.
 *
 * Polls `/api/tags`; asks `/api/show` once for each new digest. The last list is kept while the target is away. Only
 * reads: it never pulls, loads or unloads.
 */
import { EventEmitter } from 'node:events'
import { type TargetClient, TargetError } from './client.ts'
import {
  type InstalledModel,
  readShow,
  readTags,
  type ShownModel,
  type TagsEntry,
  toInstalledModel
} from './inventory-entry.ts'
import type { TargetAnswer } from './loaded-models.ts'
import { parseModelName } from './model-name.ts'

export type { InstalledModel } from './inventory-entry.ts'

/** A name now means something else: added (no `from`), removed (no `to`), or other weights or another manifest. */
export interface CatalogChange {
  /** As listed. */
  name: string
  from: InstalledModel | undefined
  to: InstalledModel | undefined
}

interface CatalogEvents {
  /**
   * Once for each name, after the list has been replaced. All of the first list is news, also where it is as it was
   * restored: then `from` and `to` are alike.
   */
  changed: [change: CatalogChange]
  /** A poll succeeded, whether or not something changed; told after what did. */
  polled: []
  /** A poll failed; the last list is kept. */
  failed: [error: TargetError]
}

/** How the catalog reads. */
export interface CatalogOptions {
  /** Longest wait for one answer. Defaults to 10 s. */
  timeoutMs?: number
}

/** Shows asked for at the same time: each answer lists every tensor of its model. */
const PARALLEL_SHOWS = 4

/** The list of one target. Empty and stale until the first poll; `close` it at the end. */
export class Catalog extends EventEmitter<CatalogEvents> {
  readonly #client: TargetClient
  readonly #timeoutMs: number | undefined
  readonly #closing = new AbortController()
  readonly #shown = new Map<string, ShownModel>()
  #models: ReadonlyMap<string, InstalledModel> | undefined
  #answer: TargetAnswer | undefined
  #polled = false
  #stale = true
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(client: TargetClient, options: CatalogOptions = {}) {
    super()
    this.#client = client
    this.#timeoutMs = options.timeoutMs
  }

  /** Whether the list is not of the last poll: the target is away, or there was none yet. */
  get stale(): boolean {
    return this.#stale
  }

  /** The last answer of `/api/tags` as it was; undefined before the first. */
  get answer(): TargetAnswer | undefined {
    return this.#answer
  }

  /** What `/api/show` said of the models on the list, by their digest. */
  get shown(): ReadonlyMap<string, ShownModel> {
    return this.#shown
  }

  /**
   * Takes the list of an earlier run of foreman, before the first poll, without telling of it. It is stale, and the first
   * poll asks for every model anew, since that run may have read less of them.
   */
  restore(answer: TargetAnswer, shown: ReadonlyMap<string, ShownModel>): void {
    const entries = readTags(answer.body)
    if (!entries) return
    this.#answer = answer
    this.#models = byKey(entries, shown)
  }

  /** All installed models in the target's order; empty before the first list. */
  models(): InstalledModel[] {
    return [...(this.#models?.values() ?? [])]
  }

  /**
   * What the list says about a name in any spelling, at once and without any call. Nothing for a name that asks for
   * the cloud, nor for a stub where `:local` was asked for.
   */
  peek(name: string): InstalledModel | undefined {
    const parsed = parseModelName(name)
    if (!parsed || parsed.cloud) return undefined
    const model = this.#models?.get(parsed.key)
    return parsed.local && model?.remote ? undefined : model
  }

  /**
   * As `peek`, but a name that is not listed is looked for once more in a fresh list.
   *
   * @throws {TargetError} when there never was a list and the target does not give one
   */
  async lookup(name: string): Promise<InstalledModel | undefined> {
    const known = this.peek(name)
    if (known) return known
    try {
      await this.refresh()
    } catch (error) {
      if (!this.#models) throw error
    }
    return this.peek(name)
  }

  /**
   * Reads the list anew. The answer is never older than the call; calls that come together share one poll.
   *
   * @throws {TargetError} when the target does not give it; `failed` is emitted too
   */
  refresh(): Promise<void> {
    if (!this.#running) return this.#begin()
    this.#next ??= this.#running.then(
      () => this.#begin(),
      () => this.#begin()
    )
    return this.#next
  }

  /** Polls now and then with `tagsMs` between the end of one poll and the start of the next, until `close`. */
  start({ tagsMs }: { tagsMs: number }): void {
    const poll = async () => {
      // Told by `failed`.
      await this.refresh().catch(() => {})
      if (!this.#closing.signal.aborted) this.#timer = setTimeout(poll, tagsMs)
    }
    void poll()
  }

  /** Ends polling and the calls in progress. The list stays readable. */
  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
  }

  #begin(): Promise<void> {
    this.#next = undefined
    this.#running = this.#poll().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #poll(): Promise<void> {
    try {
      const body = await this.#ask('GET', '/api/tags')
      const at = new Date()
      const entries = readTags(body)
      if (!entries)
        throw new TargetError('protocol', { detail: '/api/tags answered without a list of models' })
      await this.#showNew(entries)
      this.#answer = { body, at }
      this.#replace(entries)
    } catch (error) {
      this.#stale = true
      if (!this.#closing.signal.aborted) this.emit('failed', error as TargetError)
      throw error
    }
  }

  async #showNew(entries: readonly TagsEntry[]): Promise<void> {
    const unknown = new Map(
      entries.filter(entry => !this.#shown.has(entry.digest)).map(entry => [entry.digest, entry])
    )
    // One iterator drained by several: each takes the next entry when it has done its last.
    const rest = unknown.values()
    const drain = async () => {
      for (const entry of rest) await this.#show(entry)
    }
    await Promise.all(Array.from({ length: PARALLEL_SHOWS }, drain))
  }

  /** A model that cannot be shown is asked for again with the next poll. */
  async #show(entry: TagsEntry): Promise<void> {
    try {
      this.#shown.set(entry.digest, readShow(await this.#ask('POST', '/api/show', { model: entry.name })))
    } catch (error) {
      // One broken model must not hide the others; a target that went away has no list to give.
      if (!(error instanceof TargetError) || error.kind !== 'status') throw error
    }
  }

  #replace(entries: readonly TagsEntry[]): void {
    const before = this.#models ?? new Map<string, InstalledModel>()
    const now = byKey(entries, this.#shown)
    const isFirst = !this.#polled
    this.#models = now
    this.#polled = true
    this.#stale = false
    const digests = new Set(entries.map(entry => entry.digest))
    for (const digest of this.#shown.keys()) if (!digests.has(digest)) this.#shown.delete(digest)
    for (const change of changesBetween(before, now, isFirst)) this.emit('changed', change)
    this.emit('polled')
  }

  #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    return this.#client.json(method, path, body, { signal: this.#closing.signal, timeoutMs: this.#timeoutMs })
  }
}

function byKey(
  entries: readonly TagsEntry[],
  shown: ReadonlyMap<string, ShownModel>
): ReadonlyMap<string, InstalledModel> {
  return new Map(entries.map(entry => [entry.key, toInstalledModel(entry, shown.get(entry.digest))]))
}

function changesBetween(
  before: ReadonlyMap<string, InstalledModel>,
  now: ReadonlyMap<string, InstalledModel>,
  all: boolean
): CatalogChange[] {
  const changes: CatalogChange[] = []
  for (const [key, from] of before) if (!now.has(key)) changes.push({ name: from.name, from, to: undefined })
  for (const [key, to] of now) {
    const from = before.get(key)
    if (all || from?.digest !== to.digest || from.weights !== to.weights)
      changes.push({ name: to.name, from, to })
  }
  return changes
}

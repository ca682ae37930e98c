/**
 * Decides which models are in memory, as Ollama's scheduler does: one queue of requests that need a
 * load, one worker on it, strict first in first out, eviction by keep_alive, never pre-emptive.
 * Source: ollama/ollama `server/sched.go`.
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import type { FakeConfig } from '../config.ts'
import type { Recorder } from '../control/recorder.ts'
import type { Faults } from '../faults.ts'
import { nowMs } from '../go/time.ts'
import { pause, startTimer } from '../pause.ts'
import { type LoadOptions, needsReload } from './load-options.ts'
import { Runner, type RunnerUser } from './runner.ts'

/** More requests wait for a load than MAX_QUEUE allows: a 503. */
export class QueueFullError extends Error {
  constructor() {
    super('server busy, please try again.  maximum pending requests exceeded')
  }
}

/** What a request needs to have in memory. */
export interface RunnerRequest {
  readonly entry: CatalogEntry
  readonly options: LoadOptions
  /** `undefined` leaves the runner's own. */
  readonly keepAliveMs: number | undefined
  readonly user: RunnerUser
  readonly faults: Faults
}

interface Pending extends RunnerRequest {
  resolve(runner: Runner): void
  reject(reason: unknown): void
}

const SERIAL_FAMILIES = new Set(
  'mllama qwen3vl qwen3vlmoe qwen35 qwen35moe qwen3next lfm2 lfm2moe nemotron_h nemotron_h_moe nemotron_h_omni'.split(
    ' '
  )
)
const MEMORY_HEADROOM = 0.8

/** The scheduler of one fake server. */
export class Scheduler {
  readonly #config: () => FakeConfig
  readonly #recorder: Recorder
  readonly #loaded = new Map<string, Runner>()
  readonly #pending: Pending[] = []
  #working = false
  #loading: CatalogEntry | undefined
  #unloadWaiters: (() => void)[] = []

  constructor(config: () => FakeConfig, recorder: Recorder) {
    this.#config = config
    this.#recorder = recorder
  }

  get resident(): Runner[] {
    return [...this.#loaded.values()]
  }

  /** Requests that wait for a load; the one in the worker's hands is not counted. */
  get queueDepth(): number {
    return this.#pending.length
  }

  get loading(): CatalogEntry | undefined {
    return this.#loading
  }

  /**
   * Hands over a runner for the request; `release` must follow.
   * @throws {QueueFullError}, the load's failure, or the reason of the user's abort.
   */
  acquire(request: RunnerRequest): Promise<Runner> {
    const runner = this.#usable(request)
    if (runner !== undefined) return Promise.resolve(this.#attach(runner, request))
    if (this.#pending.length >= this.#config().max_queue) {
      this.#recorder.event('queue_full', request.entry, request.user.number)
      return Promise.reject(new QueueFullError())
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ ...request, resolve, reject })
      this.#recorder.event('queue', request.entry, request.user.number)
      if (!this.#working) void this.#work()
    })
  }

  /** Ends a request's use of a runner. */
  release(runner: Runner, user: RunnerUser): void {
    if (!runner.users.delete(user) || runner.users.size > 0) return
    if (this.#loaded.get(runner.entry.weights) !== runner) return
    if (runner.keepAliveMs <= 0) {
      this.#unload(runner)
      return
    }
    runner.stopTimer()
    runner.expiresAtMs = nowMs() + runner.keepAliveMs
    runner.timer = startTimer(runner.keepAliveMs, () => this.#unload(runner))
  }

  /** Marks the model's runner, if any, to go as soon as it is idle. */
  expire(entry: CatalogEntry): void {
    const runner = this.#loaded.get(entry.weights)
    if (runner === undefined) return
    runner.expiresAtMs = nowMs()
    this.#letGo(runner)
  }

  /** Marks every runner to go: what Ollama does when memory runs out while generating. */
  expireAll(): void {
    for (const runner of this.resident) this.#letGo(runner)
  }

  /** Ends a runner's process under its users. */
  crash(runner: Runner): void {
    this.#recorder.event('crash', runner.entry)
    runner.die()
  }

  /** Forgets every model at once, without a trace in the log. */
  clear(): void {
    for (const runner of this.resident) runner.stopTimer()
    this.#loaded.clear()
  }

  #usable(request: RunnerRequest): Runner | undefined {
    const runner = this.#loaded.get(request.entry.weights)
    if (runner === undefined || runner.dead) return undefined
    return needsReload(runner.options, request.options) ? undefined : runner
  }

  #attach(runner: Runner, request: RunnerRequest): Runner {
    runner.stopTimer()
    runner.users.add(request.user)
    if (request.keepAliveMs !== undefined) runner.keepAliveMs = request.keepAliveMs
    this.#recorder.event('attach', request.entry, request.user.number)
    return runner
  }

  async #work(): Promise<void> {
    this.#working = true
    for (let head = this.#pending.shift(); head !== undefined; head = this.#pending.shift()) {
      try {
        // A request whose client left held its place until now; nobody waits for its answer.
        head.user.controller.signal.throwIfAborted()
        head.resolve(this.#attach(await this.#provide(head), head))
      } catch (error) {
        head.reject(error)
      }
    }
    this.#working = false
  }

  async #provide(request: RunnerRequest): Promise<Runner> {
    for (;;) {
      const usable = this.#usable(request)
      if (usable !== undefined) return usable
      const outdated = this.#loaded.get(request.entry.weights)
      const victim = outdated ?? (this.#fits(request.entry) ? undefined : this.#victim())
      if (victim === undefined) return this.#load(request)
      const unloaded = new Promise<void>(resolve => this.#unloadWaiters.push(resolve))
      this.#recorder.event('evict', victim.entry, request.user.number)
      this.#letGo(victim)
      // Any unload wakes the worker, which then looks at the whole picture again.
      await unloaded
    }
  }

  #fits(entry: CatalogEntry): boolean {
    const { max_loaded, total_memory_bytes } = this.#config()
    if (this.#loaded.size >= max_loaded) return false
    if (total_memory_bytes === 0 || this.#loaded.size === 0) return true
    const used = this.resident.reduce((sum, runner) => sum + runner.entry.config.vram_bytes, 0)
    return entry.config.vram_bytes <= (total_memory_bytes - used) * MEMORY_HEADROOM
  }

  #victim(): Runner | undefined {
    const order = this.resident.sort(
      (a, b) => a.keepAliveMs - b.keepAliveMs || (a.entry.weights < b.entry.weights ? -1 : 1)
    )
    return order.find(runner => runner.users.size === 0) ?? order[0]
  }

  async #load(request: RunnerRequest): Promise<Runner> {
    const { entry, user, faults } = request
    const config = this.#config()
    this.#loading = entry
    this.#recorder.event('load_start', entry, user.number)
    try {
      const stall = faults.of('load_stall')
      const delayMs = entry.config.load_delay_ms ?? config.load_delay_ms
      await pause(delayMs + (stall === undefined ? 0 : (stall.for_ms ?? Infinity)), user.controller.signal)
      const failure = faults.of('load_failure')?.message ?? entry.config.fails_to_load
      if (failure !== undefined || faults.of('load_failure')) throw new Error(failure ?? LOAD_FAILURE)
    } catch (error) {
      const type = user.controller.signal.aborted ? 'load_abort' : 'load_fail'
      this.#recorder.event(type, entry, user.number)
      throw error
    } finally {
      this.#loading = undefined
    }
    const runner = new Runner(
      entry,
      request.options,
      request.keepAliveMs ?? (config.keep_alive_ms < 0 ? Infinity : config.keep_alive_ms),
      permits(entry, config)
    )
    this.#loaded.set(entry.weights, runner)
    this.#recorder.event('load', entry, user.number)
    return runner
  }

  #letGo(runner: Runner): void {
    runner.stopTimer()
    runner.keepAliveMs = 0
    if (runner.users.size === 0) this.#unload(runner)
  }

  #unload(runner: Runner): void {
    if (this.#loaded.get(runner.entry.weights) !== runner || runner.users.size > 0) return
    runner.stopTimer()
    this.#loaded.delete(runner.entry.weights)
    this.#recorder.event('unload', runner.entry)
    const { unload_delay_ms: delayMs } = this.#config()
    if (delayMs > 0) setTimeout(() => this.#wakeWorker(), delayMs)
    else this.#wakeWorker()
  }

  #wakeWorker(): void {
    const waiters = this.#unloadWaiters
    this.#unloadWaiters = []
    for (const wake of waiters) wake()
  }
}

const LOAD_FAILURE = 'llama-server process has terminated: exit status 1'

function permits(entry: CatalogEntry, config: FakeConfig): number {
  const serial = !entry.capabilities.includes('completion') || SERIAL_FAMILIES.has(entry.config.family)
  return serial ? 1 : Math.max(1, config.num_parallel)
}

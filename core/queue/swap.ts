/**
 * The explicit swap: unload what has to go, wait until it is gone, load the new one.
 *
 * Done by foreman's own requests, so that the load is measured, carries foreman's `keep_alive`, and does not
 * hang on the connection of a client that may leave. Only what foreman itself loaded is ever unloaded.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ForemanError, LoadFailedError, LoadTimeoutError } from '../errors.ts'
import { type TargetClient, TargetError } from '../target/client.ts'
import type { KeepAlive } from '../target/keep-alive.ts'
import { readResidency } from '../target/residency.ts'
import { loadRequest, unloadRequest } from '../target/runner.ts'
import type { Resident } from './resident.ts'
import { ShownLoads } from './shown-loads.ts'
import type { Wanted } from './wanted.ts'

const secondMs = 1000
const firstLookMs = 10
const longestPauseMs = 500

/** Limits in ms, and the policy that loads carry. */
export interface SwapOptions {
  /** Longest wait for an unloaded runner to be gone; then the target makes room itself. */
  readonly unloadMs: number
  /** Longest load. */
  readonly loadMs: number
  /** `keep_alive` of the worker runner, as the target takes it. */
  readonly keepAlive: string | number
}

/** Swaps runners of the worker's slots. */
export class Swapper {
  readonly #client: TargetClient
  readonly #options: SwapOptions
  /** How the target shows what was loaded here. */
  readonly shown = new ShownLoads()

  constructor(client: TargetClient, options: SwapOptions) {
    this.#client = client
    this.#options = options
  }

  /**
   * Puts what is `wanted` in the place of the `old` ones, with the policy's `keep_alive` or another. Afterwards it is loaded.
   * @throws {LoadFailedError} or {LoadTimeoutError} where the target could not; {TargetError} where it is away
   */
  async swap(
    old: readonly Resident[],
    wanted: Wanted,
    signal: AbortSignal,
    keepAlive: KeepAlive = this.#options.keepAlive
  ): Promise<void> {
    let loaded: Wanted | undefined
    this.shown.begin()
    try {
      for (const one of old) await this.unload(one, signal)
      await this.#load(wanted, signal, keepAlive)
      loaded = wanted
    } finally {
      this.shown.end(loaded)
    }
  }

  /** Makes the target let go of `old`, and waits until it has, but no longer than the limit. @throws {TargetError} */
  async unload(old: Resident, signal: AbortSignal): Promise<void> {
    const { path, body } = unloadRequest(old.model)
    try {
      await this.#client.json('POST', path, body, { signal, timeoutMs: this.#options.unloadMs })
    } catch (err) {
      // The model was deleted, or the target will not say: what counts is whether it is gone.
      if (!(err instanceof TargetError) || err.kind !== 'status') throw err
    }
    await this.#untilGone(old, signal)
  }

  // `/api/ps` is the only way to know, and nothing announces a change of it.
  async #untilGone(old: Resident, signal: AbortSignal): Promise<void> {
    const giveUpAt = performance.now() + this.#options.unloadMs
    for (
      let pauseMs = firstLookMs;
      performance.now() < giveUpAt;
      pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)
    ) {
      const loaded = await readResidency(this.#client, { signal })
      if (!loaded.some(one => one.digest === old.digest)) return
      await sleep(pauseMs, undefined, { signal })
    }
  }

  async #load({ model, runner }: Wanted, signal: AbortSignal, keepAlive: KeepAlive): Promise<void> {
    const { path, body } = loadRequest(model.name, runner, keepAlive)
    const { loadMs } = this.#options
    try {
      await this.#client.json('POST', path, body, { signal, timeoutMs: loadMs })
    } catch (err) {
      if (!(err instanceof TargetError)) throw err
      if (err.kind === 'unreachable')
        throw new LoadTimeoutError(model.name, loadMs / secondMs, { cause: err })
      throw err.kind === 'status' ? loadFailed(model.name, err) : err
    }
  }
}

/** Callers of an inference route are told as the target would have told them: its status, its words. */
function loadFailed(model: string, err: TargetError): ForemanError {
  const text = err.text ?? ''
  const error = new LoadFailedError(model, text, { cause: err })
  return Object.assign(error, { onInference: { status: err.status, message: text || error.message } })
}

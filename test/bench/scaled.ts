/**
 * The workloads of the schedule in a fiftieth of their time: a load of 10 s takes 200 ms, a job of 1 s 20 ms.
 * The settings that are times are scaled in the same way.
 */

import type { FakeConfig } from '../fake-ollama/start.ts'
import type { SettingsPart } from '../helpers/foreman.ts'

/** Real time for a second of a workload, in ms. */
export const secondMs = 20

/** Load time of every model, in ms. */
export const loadMs = 10 * secondMs

/** A target for the named models, each with its job time in seconds of the workload; one fits in memory. */
export function scaledTarget(jobSeconds: Readonly<Record<string, number>>): Partial<FakeConfig> {
  return {
    max_loaded: 1,
    load_delay_ms: loadMs,
    models: Object.entries(jobSeconds).map(([name, seconds]) => ({
      name,
      prompt_delay_ms: seconds * secondMs
    }))
  }
}

/** Foreman's defaults in scaled time. */
export const scaledSettings: SettingsPart = {
  queue: { patience_s: { interactive: 0.3, normal: 12, batch: 432 } }
}

/** Numbers in [0, 1), the same ones for the same seed: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * The worker's slots (`queue.worker_slots`, ADR 0022): which runners are loaded side by side, and which of them have
 * to go for another one. Runners are told apart by their keys; what is in the target's memory is for others to know.
 */

/** The runners of the slots, least recently used first, and since when each is idle. Times in ms. */
export class LoadedRunners {
  /** How many there may be, 1 at least. */
  slots: number
  readonly #freeSince: Map<string, number>

  constructor(slots: number, freeSince: Iterable<readonly [string, number]> = []) {
    this.slots = slots
    this.#freeSince = new Map(freeSince)
  }

  /** The same ones, to think ahead with. */
  copy(): LoadedRunners {
    return new LoadedRunners(this.slots, this.#freeSince)
  }

  /** Least recently used first. */
  get runners(): string[] {
    return [...this.#freeSince.keys()]
  }

  has(runner: string): boolean {
    return this.#freeSince.has(runner)
  }

  /** When the last job of a loaded runner ended; when it was given the worker, before its first has. */
  freeSince(runner: string): number {
    return this.#freeSince.get(runner) ?? Number.NEGATIVE_INFINITY
  }

  /** It has the worker from `now` on: it is the one used last. */
  use(runner: string, now: number): void {
    this.#freeSince.delete(runner)
    this.#freeSince.set(runner, now)
  }

  /** A job of it ended. */
  freed(runner: string, now: number): void {
    if (this.has(runner)) this.#freeSince.set(runner, now)
  }

  /** Just these are loaded, the least recently used first. */
  hold(runners: readonly string[], now: number): void {
    const since = runners.map(runner => [runner, this.#freeSince.get(runner) ?? now] as const)
    this.#freeSince.clear()
    for (const [runner, free] of since) this.#freeSince.set(runner, free)
  }

  /** Whether `runner` is loaded, or can be without that another one goes. */
  hasRoomFor(runner: string): boolean {
    return this.has(runner) || this.victims(runner).length === 0
  }

  /** Those that have to go before `runner` can be loaded. */
  victims(runner: string): string[] {
    return victimsFor(runner, this.runners, this.slots)
  }
}

/**
 * Which of the `loaded` runners, least recently used first, have to go before `runner` can be loaded: those on its own
 * weights, since the target keeps these once (ollama/ollama server/sched.go, `needsReload`), then the least recently
 * used ones until a slot is free.
 */
export function victimsFor(runner: string, loaded: readonly string[], slots: number): string[] {
  const others = loaded.filter(one => one !== runner)
  const sameWeights = others.filter(one => weightsOf(one) === weightsOf(runner))
  const rest = others.filter(one => !sameWeights.includes(one))
  return [...sameWeights, ...rest.slice(0, Math.max(0, rest.length + 1 - slots))]
}

/** What the keys of all runners on the same weights begin with: see `Runner.key`. */
function weightsOf(runner: string): string {
  return runner.split('+', 1)[0]!
}

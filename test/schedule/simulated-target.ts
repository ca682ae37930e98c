/** The target of a simulation: it needs time to load, may fail to, and knows what it has in memory. */
import { LoadFailedError } from '../../core/errors.ts'
import type { Job } from '../../core/jobs/job.ts'
import type { Loader } from '../../core/queue/loader.ts'
import type { Wanted } from '../../core/queue/wanted.ts'
import type { Agenda } from './agenda.ts'

/** How the target behaves. */
export interface TargetFacts {
  /** What the next swap to this runner takes, in whole ms. */
  readonly loadMs: (runner: string) => number
  /** Whether the next swap to this runner fails, after that time. It never does when left out. */
  readonly loadFails?: (runner: string) => boolean
  /** Whether what was there before outlives a failed swap; not so when left out. */
  readonly keepsOld?: boolean
}

/** Loads by letting simulated time pass, in which callers come and go. */
export class SimulatedTarget implements Loader {
  /** The runner that is loaded. */
  inMemory: string | undefined
  readonly #agenda: Agenda
  readonly #facts: TargetFacts
  #looking: PromiseWithResolvers<void> | undefined

  constructor(agenda: Agenda, facts: TargetFacts) {
    this.#agenda = agenda
    this.#facts = facts
  }

  async load({ runner }: Job): Promise<Wanted> {
    const fails = this.#facts.loadFails?.(runner) ?? false
    this.#agenda.advanceTo(this.#agenda.now + this.#facts.loadMs(runner))
    if (!fails) this.inMemory = runner
    else if (this.#facts.keepsOld !== true) this.inMemory = undefined
    if (fails) throw new LoadFailedError(runner, 'it does not fit')
    // The dispatcher reads these fields and hands on nothing else.
    return { model: { name: runner, digest: runner }, runner: { key: runner } } as Wanted
  }

  async loaded(): Promise<{ digest: string }[]> {
    this.#looking = Promise.withResolvers()
    return this.inMemory === undefined ? [] : [{ digest: this.inMemory }]
  }

  /** The dispatcher has seen what `loaded` said. */
  lookedAt(): void {
    this.#looking?.resolve()
    this.#looking = undefined
  }

  /** Settles when the dispatcher has seen what it asked for, at once where it asked for nothing. */
  async looked(): Promise<void> {
    await this.#looking?.promise
  }
}

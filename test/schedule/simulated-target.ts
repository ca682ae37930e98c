/** The target of a simulation: it needs time to load, may fail to, and knows what it has in memory. */
import { LoadFailedError } from '../../core/errors.ts'
import type { Job } from '../../core/jobs/job.ts'
import type { Loader } from '../../core/queue/loader.ts'
import type { Resident } from '../../core/queue/resident.ts'
import type { Wanted } from '../../core/queue/wanted.ts'
import type { Agenda } from './agenda.ts'

/** How the target behaves. */
export interface TargetFacts {
  /** What the next swap to this runner takes, in whole ms. */
  readonly loadMs: (runner: string) => number
  /** Whether the next swap to this runner fails, after that time. It never does when left out. */
  readonly loadFails?: (runner: string) => boolean
  /** Whether what was to go outlives a failed swap; not so when left out. */
  readonly keepsOld?: boolean
  /** How many runners it keeps side by side. Without limit when left out: foreman makes room itself. */
  readonly room?: number
}

/** Loads by letting simulated time pass, in which callers come and go. */
export class SimulatedTarget implements Loader {
  #inMemory: readonly string[] = []
  readonly #agenda: Agenda
  readonly #facts: TargetFacts
  #looking: PromiseWithResolvers<void> | undefined

  constructor(agenda: Agenda, facts: TargetFacts) {
    this.#agenda = agenda
    this.#facts = facts
  }

  /** Whether the runner is loaded. */
  has(runner: string): boolean {
    return this.#inMemory.includes(runner)
  }

  /** It is gone, as after a crash. */
  drop(...runners: readonly string[]): void {
    this.#inMemory = this.#inMemory.filter(one => !runners.includes(one))
  }

  async load({ runner }: Job, old: readonly Resident[]): Promise<Wanted> {
    const fails = this.#facts.loadFails?.(runner) ?? false
    this.#agenda.advanceTo(this.#agenda.now + this.#facts.loadMs(runner))
    if (!fails || this.#facts.keepsOld !== true) this.drop(...old.map(one => one.runner))
    if (!fails) this.#add(runner)
    if (fails) throw new LoadFailedError(runner, 'it does not fit')
    // The dispatcher reads these fields and hands on nothing else.
    return { model: { name: runner, digest: runner }, runner: { key: runner } } as Wanted
  }

  async loaded(): Promise<{ digest: string }[]> {
    this.#looking = Promise.withResolvers()
    return this.#inMemory.map(digest => ({ digest }))
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

  // Whom it evicts where there is no room has nothing to do with who was used last.
  #add(runner: string): void {
    const { room = Number.POSITIVE_INFINITY } = this.#facts
    const others = this.#inMemory.filter(one => one !== runner).sort()
    this.#inMemory = [...others.slice(Math.max(0, others.length + 1 - room)), runner]
  }
}

/**
 * Remembers which signatures of the `ollama` command came before. The same key signs the same text to the same bytes, and its
 * time has whole seconds: a command that asks twice in a second, or two of them at once, send one signature. So a second use
 * is a replay only where it comes later, or from elsewhere.
 */
import type { CliSignature } from './cli-signature.ts'

/** Settings of the memory. */
export interface SeenSettings {
  /** How far the time of a signature may be from now, either way: past that it needs no remembering. */
  readonly windowMs: number
  /** How many a key has remembered in twice that time, at the least. Of a key that makes more the oldest are forgotten. */
  readonly perKey: number
}

interface FirstUse {
  readonly from: string
  readonly at: number
}

type Uses = Map<string, FirstUse>

/** How long after its first use a signature may come again. */
export const repeatMs = 2000

/**
 * The signatures that were used. Only such as hold belong here: then no stranger can fill it, and a key that makes many
 * pushes out its own and no other's. A full memory refuses nothing.
 */
export class SeenSignatures {
  readonly #perKey: number
  // A call from a clock that is ahead by the window stays valid for two.
  readonly #keepMs: number
  // Two generations by the time of their first use: what is too old goes all at once, with keys that are no more.
  #recent = new Map<string, Uses>()
  #older = new Map<string, Uses>()
  #recentSince = Number.NEGATIVE_INFINITY

  constructor({ windowMs, perKey }: SeenSettings) {
    this.#keepMs = 2 * windowMs
    this.#perKey = perKey
  }

  /** How many are remembered. */
  get size(): number {
    const uses = [...this.#recent.values(), ...this.#older.values()]
    return uses.reduce((sum, { size }) => sum + size, 0)
  }

  /**
   * Notes one use of a signature that holds.
   * @param from the remote address @param now in ms
   * @returns whether it may be used: the first time, or within 2 s of that from the same address
   */
  admit({ blob, signature }: CliSignature, from: string, now: number): boolean {
    this.#forget(now)
    const first = this.#recent.get(blob)?.get(signature) ?? this.#older.get(blob)?.get(signature)
    if (first !== undefined) return first.from === from && now - first.at <= repeatMs
    this.#remember(blob, signature, { from, at: now })
    return true
  }

  #remember(blob: string, signature: string, use: FirstUse): void {
    const uses = this.#recent.get(blob) ?? new Map<string, FirstUse>()
    this.#recent.set(blob, uses)
    // A Map tells its keys in the order they came.
    if (uses.size >= this.#perKey) uses.delete(uses.keys().next().value!)
    uses.set(signature, use)
  }

  #forget(now: number): void {
    const age = now - this.#recentSince
    if (age < this.#keepMs) return
    this.#older = age < 2 * this.#keepMs ? this.#recent : new Map()
    this.#recent = new Map()
    this.#recentSince = now
  }
}

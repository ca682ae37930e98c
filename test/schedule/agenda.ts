/** A simulated clock and what is to happen on it. Times are whole ms from the start of the simulation. */

interface Entry {
  readonly at: number
  /** What is set first happens first among entries of the same time. */
  readonly order: number
  readonly happen: () => void
}

/** Happenings in the order of their time. A binary heap: simulations set hundreds of thousands of them. */
export class Agenda {
  readonly #heap: Entry[] = []
  #now = 0
  #set = 0

  /** The time now. */
  get now(): number {
    return this.#now
  }

  /** When the next thing happens; `Infinity` where nothing is set. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Sets `happen` for `at`; for now where `at` has passed. */
  at(at: number, happen: () => void): void {
    this.#set += 1
    const entry = { at: Math.max(at, this.#now), order: this.#set, happen }
    let place = this.#heap.push(entry) - 1
    for (
      let above = (place - 1) >> 1;
      place > 0 && earlier(entry, this.#heap[above]!);
      above = (place - 1) >> 1
    ) {
      this.#heap[place] = this.#heap[above]!
      place = above
    }
    this.#heap[place] = entry
  }

  /** Moves the clock to `time`. What is set up to then, `time` included, happens on the way. */
  advanceTo(time: number): void {
    while (this.nextAt <= time) {
      const { at, happen } = this.#removeFirst()
      this.#now = at
      happen()
    }
    this.#now = time
  }

  #removeFirst(): Entry {
    const first = this.#heap[0]!
    const last = this.#heap.pop()!
    if (this.#heap.length > 0) this.#sink(last)
    return first
  }

  #sink(entry: Entry): void {
    const heap = this.#heap
    let place = 0
    for (;;) {
      let below = 2 * place + 1
      if (below + 1 < heap.length && earlier(heap[below + 1]!, heap[below]!)) below += 1
      if (below >= heap.length || !earlier(heap[below]!, entry)) break
      heap[place] = heap[below]!
      place = below
    }
    heap[place] = entry
  }
}

function earlier(a: Entry, b: Entry): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at
}

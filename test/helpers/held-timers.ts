/**
 * Takes timers of one length out of the hands of the clock: a test says when they run, or proves that nothing waited for them.
 * So what a timer decides is shown without a stopwatch, on however slow a machine.
 */
import { EventEmitter, once } from 'node:events'
import type { TestContext } from 'node:test'

/** Only so that a fault ends a test instead of holding it up for ever. */
const patienceMs = 60_000

/** Those of one length, from the call to the end of the test. */
export class HeldTimers {
  /** How many there were. */
  started = 0
  /** How many ran because nothing else brought about what they do: they are waited for. */
  overdue = 0
  readonly #held = new Map<NodeJS.Timeout, () => void>()
  readonly #news = new EventEmitter<{ held: [] }>()

  /** Neither run nor cleared. */
  get pending(): number {
    return this.#held.size
  }

  /** Waits until `count` are pending. @throws {Error} after a minute without */
  async waiting(count = 1): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs)
    while (this.pending < count) await once(this.#news, 'held', { signal })
  }

  /** Runs those that are pending. */
  run(): void {
    for (const [timer, act] of this.#held) {
      clearTimeout(timer)
      act()
    }
  }

  /** Keeps one that `start` would start. */
  hold(start: typeof setTimeout, act: () => void): NodeJS.Timeout {
    const timer = start(() => {
      this.overdue += 1
      this.#held.delete(timer)
      act()
    }, patienceMs)
    this.started += 1
    this.#held.set(timer, act)
    this.#news.emit('held')
    return timer
  }

  /** Forgets one that was cleared. */
  drop(timer: NodeJS.Timeout): void {
    this.#held.delete(timer)
  }
}

const lengths = new Map<number | undefined, HeldTimers>()

/** From now on timers of `delayMs` are held. Those that were started before run as they would. */
export function holdTimers(t: TestContext, delayMs: number): HeldTimers {
  if (lengths.size === 0) takeOver(t)
  const timers = new HeldTimers()
  lengths.set(delayMs, timers)
  t.after(() => lengths.delete(delayMs))
  return timers
}

function takeOver(t: TestContext): void {
  const { setTimeout: start, clearTimeout: clear } = globalThis
  const startOrHold = (act: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
    lengths.get(ms)?.hold(start, () => act(...args)) ?? start(act, ms, ...args)
  t.mock.method(globalThis, 'setTimeout', startOrHold as typeof setTimeout)
  t.mock.method(globalThis, 'clearTimeout', (timer: NodeJS.Timeout) => {
    for (const timers of lengths.values()) timers.drop(timer)
    clear(timer)
  })
}

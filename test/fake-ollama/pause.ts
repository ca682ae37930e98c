/**
 * Waiting that ends early when the request is over, and costs no timer when there is nothing to wait for.
 */

/** The client closed its connection; nobody will read an answer. */
export class ClientGoneError extends Error {
  constructor() {
    super('request canceled')
  }
}

const MAX_TIMER_MS = 2 ** 31 - 1

/** Waits `ms`; Infinity waits for the signal alone. @throws the signal's reason as soon as it is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (ms <= 0) return
  await new Promise<void>((resolve, reject) => {
    const timer = ms > MAX_TIMER_MS ? undefined : setTimeout(finish, ms)
    signal.addEventListener('abort', finish, { once: true })
    function finish(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
  })
}

/** Lets sockets be written and events be read before the next step. */
export function breathe(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** A timer that a span beyond what Node can count never starts. */
export function startTimer(ms: number, fire: () => void): NodeJS.Timeout | undefined {
  return ms > MAX_TIMER_MS ? undefined : setTimeout(fire, ms)
}

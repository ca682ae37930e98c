/**
 * What core sees in passing and no row tells: how attempts went, what calls to the target and commits took. Metrics are made of it; whoever else wants to know may listen. Nothing is kept, and without a listener
 * nothing is done. What happens to jobs is on the bus of `jobs/events.ts`.
 */
import { EventEmitter } from 'node:events'
import type { AttemptReport } from './queue/attempt-report.ts'
import type { Swap } from './queue/swap-ledger.ts'
import type { TargetCall } from './target/client.ts'

/** What was amiss with a request at the door. `scope`, `address`: with what its token may. */
export type AuthFailure = 'missing' | 'malformed' | 'unknown' | 'expired' | 'revoked' | 'scope' | 'address'

/** How a caller follows jobs over a connection that stays, or waits for one (`longpoll`). */
export type Transport = 'sse' | 'ws' | 'ndjson' | 'longpoll'

/** The moments, by name. */
export interface Moments {
  /** An attempt is over and its job settled. */
  attempt: [report: AttemptReport]
  /** A swap was tried. */
  swap: [swap: Swap]
  /** A call to the target is over, those of foreman's own included. */
  targetCall: [call: TargetCall]
  /** Jobs were written, in one transaction. */
  commit: [tookMs: number]
  /** A request did not show who makes it, or may not do what it asks for. */
  authFailure: [reason: AuthFailure]
  /** A connection that follows jobs was opened, or is over. */
  streams: [transport: Transport, change: 1 | -1]
  /** Events were handed to a connection. */
  streamEvents: [transport: Transport, count: number]
  /** A follower came back: it got what it had missed, something is missing for good, or there was nothing left. */
  streamResumed: [transport: Transport, result: 'replayed' | 'gap' | 'complete']
  /** A follower does not keep up: it reads the log from here on, or its connection was closed. */
  streamSlow: [transport: Transport, action: 'pull' | 'closed']
  /** Something that has been kept long enough was removed. */
  removed: [what: 'job' | 'upload' | 'tombstone', count: number]
}

/** Tells everybody who listens, at once. A listener must not throw. */
export class Telemetry extends EventEmitter<Moments> {
  constructor() {
    super()
    this.setMaxListeners(0)
  }
}

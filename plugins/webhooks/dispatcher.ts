/**
 * Sends what is due: the one timer, and what is under way. All else is in the store, so a process that dies leaves nothing
 * to be put right: what was under way is still due.
 */
import type { FastifyBaseLogger } from 'fastify'
import { type Choice, type Due, InFlight } from './choice.ts'
import type { Delivery } from './delivery.ts'
import type { Answer } from './egress/sender.ts'
import type { DisabledReason, Endpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import type { Envelope, Envelopes } from './envelope.ts'
import { type Outcomes, over } from './outcomes.ts'
import { type DeliveryState, judge, type Reason, type RetrySchedule, type Verdict } from './retry.ts'

/** How it goes about it. Times in ms. */
export interface DispatchRules {
  /** Attempts at a time. */
  readonly concurrency: number
  readonly schedule: RetrySchedule
  /** Failures in a row after which a receiver is tried once in `circuitProbeMs`. */
  readonly circuitFailures: number
  readonly circuitProbeMs: number
  /** Nothing but failures for so long disables an endpoint. */
  readonly disableAfterMs: number
}

/** What it works with. */
export interface DispatcherParts {
  readonly rules: DispatchRules
  readonly choice: Choice
  readonly outcomes: Outcomes
  readonly endpoints: EndpointStore
  readonly envelopes: Envelopes
  readonly send: (envelope: Envelope, signal: AbortSignal) => Promise<Answer>
  readonly log: FastifyBaseLogger
  /** An attempt is over, and written down. */
  readonly onAttempt: (due: Due, answer: Answer, verdict: Verdict) => void
  /** Deliveries are over that were not tried. */
  readonly onRetired: (state: DeliveryState, count: number) => void
  /** An endpoint is told of nothing any more. */
  readonly onDisabled: (endpoint: Endpoint) => void
}

/** So long a new message waits for the job that begins after the one it tells of. */
const soonMs = 25
/** No timer waits longer: the clock of the machine may be put forward. */
const longestNapMs = 60_000
/** After a disk that takes nothing. */
const againMs = 1000
/** Time that what is under way has when foreman stops. */
const farewellMs = 2000

/** Sends for one database. */
export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #inFlight = new InFlight()
  readonly #attempts = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #planned: NodeJS.Immediate | undefined
  #soon: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined
  #isRunning = false

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  /** Begins. */
  start(): void {
    this.#isRunning = true
    this.wake()
  }

  /** Something may be due that was not. */
  wake(): void {
    if (!this.#isRunning || this.#planned !== undefined) return
    this.#planned = setImmediate(() => {
      this.#planned = undefined
      this.#pump()
    })
  }

  /**
   * The same for messages that were just made, and a moment later: where a job has ended another begins, and each attempt
   * takes milliseconds of the one thread.
   */
  wakeSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.wake()
    }, soonMs)
  }

  /** Whether the delivery is under way. */
  isInFlight({ seq }: Pick<Delivery, 'seq'>): boolean {
    return this.#inFlight.has(seq)
  }

  /** The `seq` of each delivery that is under way. */
  inFlight(): number[] {
    return this.#inFlight.seqs()
  }

  /** Begins nothing more; what is under way has a moment, and is sent again after the next start where that is too short. */
  async stop(): Promise<void> {
    this.#isRunning = false
    clearImmediate(this.#planned)
    clearTimeout(this.#soon)
    clearTimeout(this.#timer)
    const cut = setTimeout(() => this.#stopping.abort(), farewellMs)
    await Promise.all(this.#attempts)
    clearTimeout(cut)
  }

  #pump(): void {
    clearTimeout(this.#timer)
    try {
      // By one clock: what falls due between two looks at it would be neither taken nor waited for.
      let now = Date.now()
      while (this.#inFlight.size < this.#parts.rules.concurrency && this.#takeOne(now)) now = Date.now()
      const at = this.#parts.choice.nextTime(now)
      if (at !== undefined) this.#wakeIn(Math.min(at - now, longestNapMs))
    } catch (err) {
      this.#parts.log.error({ err }, 'webhooks cannot be sent at the moment')
      this.#wakeIn(againMs)
    }
  }

  #wakeIn(ms: number): void {
    this.#timer = setTimeout(() => this.wake(), ms)
  }

  /** @returns whether there may be another */
  #takeOne(now: number): boolean {
    const due = this.#parts.choice.next(now, this.#inFlight)
    if (due === undefined) return false
    const { delivery, receiver } = due
    const endpoint =
      receiver.endpointId === null ? undefined : this.#parts.endpoints.find(receiver.endpointId)
    if (endpoint === undefined && receiver.host === null) return this.#abandon(due, now)
    if (endpoint?.disabledAt && !delivery.once) return this.#hold(due, now)
    const envelope = this.#parts.envelopes.of(delivery, endpoint, now)
    if (typeof envelope === 'string') return this.#cannotSend(due, endpoint, envelope, now)
    const attempt = this.#attempt(due, envelope, now).finally(() => {
      this.#attempts.delete(attempt)
      this.wake()
    })
    this.#attempts.add(attempt)
    return true
  }

  async #attempt(due: Due, envelope: Envelope, at: number): Promise<void> {
    this.#inFlight.add(due.delivery)
    try {
      const answer = await this.#parts.send(envelope, this.#stopping.signal)
      // Nobody knows what the receiver made of it: it is sent again, under the same id.
      if (!this.#stopping.signal.aborted) this.#conclude(due, answer, at)
    } catch (err) {
      this.#parts.log.error({ err, delivery: due.delivery.id }, 'what came of a delivery could not be kept')
      await new Promise(resolve => setTimeout(resolve, againMs))
    } finally {
      this.#inFlight.remove(due.delivery)
    }
  }

  #conclude(due: Due, answer: Answer, at: number): void {
    const { outcomes, rules, endpoints } = this.#parts
    const { delivery, receiver } = due
    const now = Date.now()
    const tries = delivery.tries + 1
    const isOvertaken = outcomes.isOvertaken(delivery)
    const verdict = judge(answer, { tries, once: delivery.once, isOvertaken }, rules.schedule, now)
    outcomes.record(delivery, answer, at, verdict, this.#notBefore(due, answer, now))
    this.#parts.onAttempt(due, answer, verdict)
    if (answer.outcome === '2xx') return
    const endpoint = receiver.endpointId === null ? undefined : endpoints.find(receiver.endpointId)
    if (endpoint !== undefined) this.#judgeEndpoint(endpoint, due, answer, now)
    else if (answer.outcome === '410' && receiver.host !== null) this.#forgetJob(due, now)
  }

  #judgeEndpoint(endpoint: Endpoint, { receiver, delivery }: Due, { outcome }: Answer, now: number): void {
    const isFailing = now - (receiver.failingSince ?? now) >= this.#parts.rules.disableAfterMs
    if (outcome === '410') this.#disable(endpoint, 'gone', now)
    else if (isFailing && !delivery.once) this.#disable(endpoint, 'failing', now)
  }

  #disable(endpoint: Endpoint, reason: DisabledReason, now: number): void {
    if (endpoint.disabledAt !== null) return
    this.#parts.onDisabled(this.#parts.endpoints.disable(endpoint, reason, now))
  }

  /** The address is gone that the job named: it gets nothing more. */
  #forgetJob({ receiver, delivery }: Due, now: number): void {
    const { outcomes, onRetired } = this.#parts
    onRetired('exhausted', outcomes.retire(receiver.seq, over('exhausted', 'gone'), now, delivery.jobSeq))
  }

  /** Until when a receiver is left in peace that did not take a message. */
  #notBefore({ receiver }: Due, { outcome, retryAfterMs }: Answer, now: number): number {
    if (outcome === '2xx') return 0
    const { circuitFailures, circuitProbeMs } = this.#parts.rules
    const isOpen = receiver.failures + 1 >= circuitFailures
    return now + Math.max(retryAfterMs ?? 0, isOpen ? circuitProbeMs : 0)
  }

  #cannotSend(due: Due, endpoint: Endpoint | undefined, reason: Reason, now: number): boolean {
    if (reason !== 'secret_lost' || endpoint === undefined) return this.#giveUp(due, reason, now)
    this.#parts.log.error(
      { endpoint: endpoint.id },
      'the secret of an endpoint does not open: it is disabled'
    )
    this.#disable(endpoint, 'secret_lost', now)
    if (due.delivery.once) return this.#giveUp(due, reason, now)
    return this.#hold(due, now)
  }

  #giveUp({ delivery }: Due, reason: Reason, now: number): true {
    this.#parts.outcomes.settle(delivery, over('exhausted', reason), now)
    this.#parts.onRetired('exhausted', 1)
    return true
  }

  /** The endpoint was taken away: all that is open for it, a part of it at a time, while its removal does the same. */
  #abandon(due: Due, now: number): boolean {
    if (due.delivery.once) return this.#giveUp(due, 'endpoint_removed', now)
    const { outcomes, onRetired } = this.#parts
    onRetired('exhausted', outcomes.retire(due.receiver.seq, over('exhausted', 'endpoint_removed'), now))
    this.wake()
    return false
  }

  /** All that is open for its receiver, a part of it at a time: there may be very much. */
  #hold({ receiver }: Due, now: number): boolean {
    this.#parts.outcomes.retire(receiver.seq, over('held'), now)
    this.wake()
    return false
  }
}

/** What is said on one socket, and what is done about it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { actorOf } from '../../core/access/audit.ts'
import {
  type ForemanError,
  InsufficientScopeError,
  isForemanError,
  JobDataRemovedError,
  renderError
} from '../../core/errors.ts'
import { idAmongAll, idInJob } from '../../core/follow/event-ids.ts'
import type { Filter } from '../../core/follow/feeds.ts'
import type { From } from '../../core/follow/followers.ts'
import type { JobEvent } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import { findJob, storing } from '../../core/jobs/lookup.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import { closeCodes } from './close-codes.ts'
import type { Connection } from './connection.ts'
import { RefInUseError, TooManySubscriptionsError } from './errors.ts'
import { BadFrameError, type ClientFrame, readFrame, type Subscribe } from './frames.ts'
import { type After, fromAmongAll, fromInJob } from './places.ts'
import { Subscription } from './subscription.ts'

const mostSubscriptions = 100
/** When to come back after a restart: what a browser waits before it opens an event stream again. */
const retryAfterS = 2
const all = '*'

/** One socket's. */
export class Session {
  readonly #app: FastifyInstance
  readonly #request: FastifyRequest
  readonly #connection: Connection
  readonly #subs = new Map<string, Subscription>()
  /** The only job that it may follow. */
  #onlyJob: string | undefined

  constructor(app: FastifyInstance, request: FastifyRequest, connection: Connection) {
    this.#app = app
    this.#request = request
    this.#connection = connection
  }

  /** Follows the one job that the socket was opened for, by its id, and ends with it. */
  followOnly(jobId: string, after: After): void {
    this.#onlyJob = jobId
    try {
      const job = findJob(this.#app, jobId, this.#request.caller)
      const from = fromInJob(after, jobId)
      this.#followJob(job, from, jobId, () => this.#connection.close(closeCodes.done, 'the job has ended'))
    } catch (err) {
      this.#refuseSocket(err)
    }
  }

  /** What a client has sent. */
  hear(text: string): void {
    try {
      this.#hear(readFrame(text))
    } catch (err) {
      if (err instanceof BadFrameError) this.#connection.close(closeCodes.badFrame, err.message)
      else this.#fail(err)
    }
  }

  /**
   * The socket takes events again. Who is woken first may fill it again alone, so that is another one each time.
   */
  drained(): void {
    const [first] = this.#subs
    if (first !== undefined) {
      this.#subs.delete(first[0])
      this.#subs.set(...first)
    }
    for (const sub of this.#subs.values()) sub.drained()
  }

  /** Says why foreman ends it, and ends it. */
  bye(reason: 'shutdown' | 'token_revoked'): void {
    const isRestart = reason === 'shutdown'
    this.#say({ op: 'bye', reason, retry_after_s: isRestart ? retryAfterS : null })
    const { restart, tokenOver } = closeCodes
    this.#connection.close(isRestart ? restart : tokenOver, isRestart ? 'foreman stops' : 'the token is over')
  }

  /** Follows nothing more. */
  end(): void {
    for (const sub of this.#subs.values()) sub.stop()
    this.#subs.clear()
  }

  // What is wrong with one frame is told with its ref, and the socket stays.
  #hear(frame: ClientFrame): void {
    try {
      this.#do(frame)
    } catch (err) {
      if (!isForemanError(err)) throw err
      this.#refuse(frame.ref, err)
    }
  }

  #refuse(ref: string, error: ForemanError): void {
    const { body } = renderError(error, 'problem', this.#request.id)
    this.#connection.send(`{"op":"error","ref":${JSON.stringify(ref)},"problem":${body}}`)
  }

  #do(frame: ClientFrame): void {
    switch (frame.op) {
      case 'subscribe':
        return this.#subscribe(frame)
      case 'unsubscribe':
        // One whose job has just ended is not there any more: that is what was asked for.
        this.#subs.get(frame.sub)?.stop()
        this.#subs.delete(frame.sub)
        return this.#say({ op: 'ack', ref: frame.ref })
      case 'cancel':
        return this.#say({ op: 'ack', ref: frame.ref, state: this.#cancel(frame.job_id) })
      case 'ping':
        return this.#say({ op: 'pong', ref: frame.ref })
    }
  }

  #subscribe({ ref, job_id, after, types, job_ids }: Subscribe): void {
    if (this.#onlyJob !== undefined && job_id !== this.#onlyJob) {
      return this.#connection.close(closeCodes.forbidden, 'this socket is for one job')
    }
    if (this.#subs.has(ref)) throw new RefInUseError(ref)
    if (this.#subs.size >= mostSubscriptions) throw new TooManySubscriptionsError(mostSubscriptions)
    const { caller } = this.#request
    if (job_id === all) {
      for (const id of job_ids ?? []) findJob(this.#app, id, caller)
      const filter = { ...(types && { types: new Set(types) }), ...(job_ids && { jobIds: new Set(job_ids) }) }
      return this.#followAll(filter, after, ref)
    }
    const job = findJob(this.#app, job_id, caller)
    const from = fromInJob(after, job_id)
    this.#say({ op: 'ack', ref })
    this.#followJob(job, from, ref)
  }

  #followAll(filter: Filter, after: After, ref: string): void {
    const { followers, epochs } = this.#app
    const from = fromAmongAll(after)
    this.#say({ op: 'ack', ref })
    const sub = this.#subscription(ref, event => idAmongAll(event, epochs.current))
    sub.start(sink => followers.ofAll(this.#request.caller, filter, from, sink))
    if (typeof from === 'object') this.#resumed(sub.hadGap ? 'gap' : 'replayed')
  }

  #followJob(job: Job, from: From<number>, ref: string, then?: () => void): void {
    const sub = this.#subscription(ref, idInJob, then)
    if (hasEnded(job.state) && (from === 'latest' || from === job.eventSeq)) {
      this.#resumed('complete')
      return sub.ended()
    }
    sub.start(sink => this.#app.followers.ofJob(job, from, sink))
    if (from !== 'latest' && from > 0) this.#resumed(sub.hadGap ? 'gap' : 'replayed')
  }

  #subscription(ref: string, idOf: (event: JobEvent) => string, then?: () => void): Subscription {
    const onEnd = () => {
      this.#subs.delete(ref)
      then?.()
    }
    const onGone = () => {
      this.#subs.delete(ref)
      const error = new JobDataRemovedError()
      if (this.#onlyJob === undefined) this.#refuse(ref, error)
      else this.#refuseSocket(error)
    }
    const parts = { app: this.#app, connection: this.#connection, sub: ref, idOf, onEnd, onGone }
    const sub = new Subscription(parts)
    this.#subs.set(ref, sub)
    return sub
  }

  /** As over HTTP: audited, and what a job ended as is told to one who comes too late. @returns the state it is in now */
  #cancel(jobId: string): string {
    const entry = { ...actorOf(this.#request), action: 'job.cancel', object: jobId }
    try {
      const state = this.#canceled(jobId)
      this.#app.audit.write({ ...entry, result: 'ok' })
      return state
    } catch (err) {
      if (isForemanError(err)) this.#app.audit.write({ ...entry, result: err.wireCode })
      throw err
    }
  }

  #canceled(jobId: string): string {
    const { caller } = this.#request
    if (!caller.scopes.has('jobs:write')) {
      this.#app.telemetry.emit('authFailure', 'scope')
      throw new InsufficientScopeError('jobs:write')
    }
    const job = findJob(this.#app, jobId, caller)
    return (storing(() => this.#app.queue.cancel(job.id)) ?? job).state
  }

  #refuseSocket(err: unknown): void {
    if (!isForemanError(err)) return this.#fail(err)
    const { badFrame, notFound, removed } = closeCodes
    const code = { job_data_removed: removed, not_found: notFound }[err.wireCode] ?? badFrame
    const reason = code === notFound ? 'there is no such job' : err.message
    this.#connection.close(code, reason)
  }

  #fail(err: unknown): void {
    this.#request.log.error({ err }, 'a socket failed for an unforeseen reason')
    this.#connection.close(closeCodes.internal, 'internal error')
  }

  #resumed(result: 'replayed' | 'gap' | 'complete'): void {
    this.#app.telemetry.emit('streamResumed', 'ws', result)
  }

  #say(frame: object): void {
    this.#connection.send(JSON.stringify(frame))
  }
}

/**
 * The worker: takes one job through one attempt, from the swap to the settled state.
 *
 * It never throws for what the target or a caller does; whatever happens, the job is settled when `run`
 * resolves, and the target has been left.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { isStorageFailure } from '../database/open.ts'
import { CanceledError, type ForemanError, InterruptedError } from '../errors.ts'
import type { Blobs } from '../jobs/blobs.ts'
import type { Job, JobError } from '../jobs/job.ts'
import { keepOutput } from '../jobs/keep-output.ts'
import type { Change, JobStore } from '../jobs/store.ts'
import type { CallLane, TargetClient } from '../target/client.ts'
import type { Telemetry } from '../telemetry.ts'
import type { AttachedCall, AttachedCalls, RunProgress } from './answer.ts'
import { AnswerWriter } from './answer-writer.ts'
import { attemptReport } from './attempt-report.ts'
import type { ContextPolicy } from './context-policy.ts'
import { durableCall } from './durable-call.ts'
import {
  backoffMs,
  errorOf,
  explain,
  mayRetry,
  neverReached,
  type RetryRules,
  toJobError
} from './failure.ts'
import { Relay, type SilenceLimits } from './relay.ts'
import { Run } from './run.ts'

const settleAgainMs = 1000

/** A job marked as taken, and whether its runner must be loaded first. */
export interface Assignment {
  readonly id: string
  readonly job: Job
  readonly swap: boolean
}

/** Limits and pauses that hold for every run. */
export interface WorkerOptions extends SilenceLimits {
  readonly retry: RetryRules
  /** Which connections carry its calls; `worker` when left out. */
  readonly callLane?: CallLane
}

/** What the worker tells the owner of the schedule. */
export interface WorkerHost {
  /** Loads the job's runner. Throws where that fails; it has taken note of the failure by then. */
  load(job: Job, stop: AbortSignal): Promise<void>
  /** The attempt is over and the job settled as `job`. */
  ran(job: Job): void
}

/** What it works with. */
export interface WorkerParts {
  readonly store: JobStore
  readonly blobs: Blobs
  readonly client: TargetClient
  readonly attached: AttachedCalls
  readonly contexts: ContextPolicy
  readonly host: WorkerHost
  readonly options: WorkerOptions
  readonly telemetry: Telemetry
  readonly log: FastifyBaseLogger
}

/** Runs assignments one after another. */
export class Worker {
  readonly #store: JobStore
  readonly #blobs: Blobs
  readonly #client: TargetClient
  readonly #attached: AttachedCalls
  readonly #contexts: ContextPolicy
  readonly #host: WorkerHost
  readonly #options: WorkerOptions
  readonly #telemetry: Telemetry
  readonly #log: FastifyBaseLogger
  readonly #stop = new AbortController()
  #current: Run | undefined

  constructor(parts: WorkerParts) {
    this.#store = parts.store
    this.#blobs = parts.blobs
    this.#client = parts.client
    this.#attached = parts.attached
    this.#contexts = parts.contexts
    this.#host = parts.host
    this.#options = parts.options
    this.#telemetry = parts.telemetry
    this.#log = parts.log
  }

  /** For how long the target has sent nothing to the running call; 0 where none runs. */
  get silentMs(): number {
    return this.#current?.relay?.silentMs ?? 0
  }

  /** How far a running job is, as far as can be told before its end; undefined for any other. */
  progressOf(jobId: string): RunProgress | undefined {
    return this.#current?.job.id === jobId ? this.#current.relay?.progress : undefined
  }

  /** Takes the job through one attempt. */
  async run({ job, swap }: Assignment): Promise<void> {
    const run = new Run(this.#store, job)
    this.#current = run
    try {
      if (swap) await this.#load(run)
      if (!run.over) await this.#call(run)
    } catch (err) {
      await this.#settleFailure(run, err)
    } finally {
      this.#current = undefined
      run.writer?.stop()
      const report = attemptReport(job, run.job, swap, run.relay)
      if (report !== undefined) this.#telemetry.emit('attempt', report)
      this.#host.ran(run.job)
    }
  }

  /** Cancels the running job. @returns the job as it is then, or undefined when `jobId` is not running */
  cancel(jobId: string): Job | undefined {
    const run = this.#current
    if (run?.job.id !== jobId) return undefined
    run.cancel()
    if (run.over) this.#attached.release(jobId)?.sink.fail(new CanceledError())
    return run.job
  }

  /** Ends the running attempt: a durable job goes back to the queue, an attached one fails with `reason`. */
  interrupt(reason: ForemanError): void {
    this.#current?.abort(reason)
    this.#stop.abort(reason)
  }

  async #load(run: Run): Promise<void> {
    await this.#host.load(run.job, this.#stop.signal)
    if (!run.over) run.move('working', { startedAt: Date.now() })
  }

  async #call(run: Run): Promise<void> {
    const asked = this.#attached.get(run.job.id) ?? (await durableCall(run.job, this.#store, this.#blobs))
    const call = this.#contexts.fit(run.job, asked)
    const relay = new Relay(call, this.#options, run)
    run.relay = relay
    if (call.sink.writeTo !== undefined) {
      run.writer = new AnswerWriter(() => run.write(), this.#log)
      call.sink.writeTo(run.writer)
    }
    const keep = (): Change => ({
      firstTokenAt: relay.firstByteAt,
      result: call.sink.kept?.(),
      usage: call.sink.usage?.(),
      took: relay.took()
    })
    try {
      await this.#send(call, relay, run.signal)
      run.writer?.complete()
    } catch (err) {
      return await this.#settleFailure(run, err, keep())
    } finally {
      relay.stop()
    }
    const outcome = relay.outcome()
    const kept = keep()
    await this.#settle(run, () =>
      outcome.kind === 'complete'
        ? this.#end(run, 'done', kept)
        : this.#failed(run, errorOf(outcome), kept, relay.status)
    )
    this.#attached.release(run.job.id)
    call.sink.end()
  }

  async #send(call: AttachedCall, relay: Relay, signal: AbortSignal): Promise<void> {
    const options = { signal, lane: this.#options.callLane ?? 'worker' }
    if (call.batches !== undefined) await call.batches.send(this.#client, relay, options)
    else await this.#client.call(call.request, relay, options)
  }

  // No answer, or only the beginning of one.
  async #settleFailure(run: Run, err: unknown, kept: Change = {}): Promise<void> {
    if (run.over) return
    const reason = run.signal.aborted ? run.signal.reason : err
    const error = explain(reason)
    if (error.wireCode === 'internal')
      this.#log.error({ err, jobId: run.job.id }, 'a run failed unexpectedly')
    await this.#settle(run, () => {
      // Nothing was sent: the lane is closed until the target is back, and no attempt is used up.
      if (neverReached(reason)) return this.#again(run, error, { attempt: run.job.attempt - 1 }, 0)
      return this.#failed(run, error, kept)
    })
    if (run.over || this.#stop.signal.aborted) this.#attached.release(run.job.id)?.sink.fail(error)
  }

  async #failed(run: Run, error: ForemanError, kept: Change = {}, targetStatus?: number): Promise<void> {
    const { job } = run
    if (job.state !== 'canceling' && mayRetry(job, error))
      return this.#again(run, error, {}, this.#pauseMs(job, error))
    await this.#end(run, 'failed', kept, toJobError(error, job.attempt, targetStatus))
  }

  // A cancel that came with the last byte, or while a large answer was written, was acknowledged: it holds.
  async #end(run: Run, state: 'done' | 'failed', kept: Change, error?: JobError): Promise<void> {
    await keepOutput(this.#blobs, kept.result, result => {
      if (run.job.state === 'canceling') run.move('canceled', { ...kept, result })
      else run.move(state, { ...kept, result, ...(error && { error }) })
    })
  }

  // After a stop of foreman's own nothing is amiss with the target: the next start need not wait.
  #pauseMs(job: Job, error: ForemanError): number {
    return error instanceof InterruptedError ? 0 : backoffMs(job.attempt, this.#options.retry)
  }

  #again(run: Run, error: ForemanError, change: Change, waitMs: number): void {
    const { attempt } = run.job
    run.move('queued', { ...change, availableAt: Date.now() + waitMs, error: toJobError(error, attempt) })
  }

  // A full disk must not lose the end of a job: the worker is kept until it can be written. At a stop the row is
  // left as it is; the next start puts it right.
  async #settle(run: Run, write: () => void | Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await write()
      } catch (err) {
        if (!isStorageFailure(err)) throw err
        this.#log.error({ err, jobId: run.job.id }, 'the end of a job cannot be stored; trying again')
        if (this.#stop.signal.aborted) return
        await sleep(settleAgainMs, undefined, { signal: this.#stop.signal }).catch(() => {})
      }
    }
  }
}

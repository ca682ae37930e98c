/**
 * The `num_ctx` policy (ADR 0023): requests that differ in their context alone share one runner, that of the largest.
 *
 * The runner of a job says which context it gets. What waits is given its runner by the marks; a job that has been
 * taken keeps the runner it has, and both its load and the bytes that are sent follow that one. So they agree, whatever
 * becomes of the marks in the meantime. A mark sinks only when it cannot be loaded. Off until somebody calls
 * {@link ContextPolicy.use}.
 */
import type { Database } from 'better-sqlite3'
import type { FastifyBaseLogger } from 'fastify'
import type { QueueDepth } from '../jobs/depth.ts'
import type { JobBus } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'
import type { JobStore } from '../jobs/store.ts'
import type { Catalog } from '../target/catalog.ts'
import type { Inference } from '../target/inference.ts'
import { mayBeRaised, raiseContext, raisedKinds } from '../target/raise-context.ts'
import { runnerPrefix } from '../target/runner.ts'
import { contextOf, weightsOf, withContext } from '../target/runner-context.ts'
import type { Telemetry } from '../telemetry.ts'
import type { AttachedCall, AttachedCalls } from './answer.ts'
import { askedOf } from './asked-of.ts'
import { ContextMarks } from './context-marks.ts'
import { moveAlong } from './move-along.ts'
import { moveWaiting } from './move-waiting.ts'
import { peekWanted } from './wanted.ts'

/** The largest context that counts for a model of this name, `Infinity` for any; undefined where the policy is off. */
export type LargestContext = (model: string) => number | undefined

/** What the policy works with. */
export interface ContextPolicyParts {
  readonly db: Database
  readonly bus: JobBus
  readonly telemetry: Telemetry
  readonly depth: QueueDepth
  readonly store: Pick<JobStore, 'request'>
  readonly catalog: Pick<Catalog, 'peek' | 'models'>
  readonly attached: AttachedCalls
  readonly log: FastifyBaseLogger
}

/** Codes of jobs whose runner the target could not load. */
const loadErrors: ReadonlySet<string> = new Set(['load_failed', 'load_timeout'])

/** Learns marks and raises requests to them. */
export class ContextPolicy {
  readonly #parts: ContextPolicyParts
  readonly #marks: ContextMarks
  readonly #changed = new Set<string>()
  #largest: LargestContext = () => undefined

  constructor(parts: ContextPolicyParts) {
    this.#parts = parts
    this.#marks = new ContextMarks(parts.db)
  }

  /** Turns the policy on. Once. */
  use(largest: LargestContext): void {
    this.#largest = largest
    const { bus, telemetry } = this.#parts
    telemetry.on('swap', ({ runner, model, loaded }) => {
      if (loaded) this.#learn(model, runner)
    })
    bus.on('event', ({ type }, job) => {
      if (loadErrors.has(job.error?.code ?? '')) this.#sink(job.runner)
      if (type === 'job.queued' || type === 'job.retrying') this.#catchUp(job)
    })
    // What waits since before the policy was on, or had other limits.
    for (const weights of this.#marks.weights) this.#apply(weights)
  }

  /** Begins anew: nothing has been learned. For where the policy is off. */
  forget(): void {
    this.#storing(() => this.#marks.clear())
  }

  /** As the marks are now: what a request asks for, its context raised to that of its model. */
  raised(inference: Inference): Inference {
    const { model } = inference
    if (model === undefined || this.#largest(model) === undefined) return inference
    return this.#with(inference, own => this.#raisedRunner(model, own))
  }

  /** As the runner of its job has it: the same, whatever the marks are now. */
  fitted(inference: Inference, runner: string): Inference {
    const context = contextOf(runner)
    if (context === undefined) return inference
    return this.#with(inference, own => ((contextOf(own) ?? 0) < context ? runner : undefined))
  }

  /** The call of a job as it is sent. */
  fit({ runner }: Pick<Job, 'runner'>, call: AttachedCall): AttachedCall {
    const { loadOptions } = this.fitted(call.inference, runner)
    const { body } = call.request
    if (loadOptions === call.inference.loadOptions || !Buffer.isBuffer(body)) return call
    return { ...call, request: { ...call.request, body: raiseContext(body, loadOptions.num_ctx!) } }
  }

  /** A runner was loaded whose context the target chose by itself: nobody who leaves it to the target shall get less. */
  sawAutomatic(runner: string, context: number): void {
    const weights = weightsOf(runner)
    const { asked = 0, automatic = 0 } = this.#marks.of(weights) ?? {}
    if (context > automatic) {
      this.#marks.set(weights, { asked, automatic: context })
      this.#apply(weights)
    }
  }

  #with(inference: Inference, runnerFor: (own: string) => string | undefined): Inference {
    if (!mayBeRaised(inference)) return inference
    const own = peekWanted(this.#parts.catalog, inference)?.runner.key
    const runner = own && runnerFor(own)
    if (runner === undefined) return inference
    return { ...inference, loadOptions: { ...inference.loadOptions, num_ctx: contextOf(runner)! } }
  }

  // What was asked for counts when it has been loaded: a context that does not fit must not become everybody's.
  #learn(model: string, runner: string): void {
    const weights = weightsOf(runner)
    const context = contextOf(runner) ?? 0
    const { asked = 0, automatic } = this.#marks.of(weights) ?? {}
    if (context <= asked || context > (this.#largest(model) ?? 0)) return
    this.#marks.set(weights, { asked: context, automatic })
    this.#apply(weights)
  }

  // Its runner could not be loaded: what was raised to it gets what it asks for, as if nothing had been learned.
  #sink(runner: string): void {
    const weights = weightsOf(runner)
    const mark = this.#marks.of(weights)
    const context = contextOf(runner)
    if (mark === undefined || (context !== mark.asked && context !== mark.automatic)) return
    this.#parts.log.warn({ runner }, 'requests were raised to a num_ctx that cannot be loaded any more')
    this.#storing(() => this.#marks.remove(weights))
    queueMicrotask(() => this.#storing(() => this.#lower(weights)))
  }

  #lower(weights: string): void {
    const { db, depth, catalog, store, attached } = this.#parts
    const runnerNow = (job: Job) => {
      const asked = askedOf(job, store, attached)
      return asked && peekWanted(catalog, this.raised(asked))?.runner.key
    }
    for (const model of catalog.models()) {
      if (runnerPrefix(model) !== weights) continue
      moveAlong(db, depth, { name: model.name, from: model, to: model }, runnerNow)
    }
  }

  /** A durable job that was let in before the mark rose, or comes back for a retry. */
  #catchUp({ model, kind, runner, attached }: Job): void {
    if (attached || !raisedKinds.has(kind)) return
    if (this.#raisedRunner(model, runner) !== undefined) this.#apply(weightsOf(runner))
  }

  /** The runner that one is raised to; undefined where it stays. */
  #raisedRunner(model: string, runner: string): string | undefined {
    const most = this.#largest(model)
    const mark = this.#marks.of(weightsOf(runner))
    if (most === undefined || mark === undefined) return undefined
    const { asked, automatic = 0 } = mark
    const level = Math.max(Math.min(asked, most), automatic <= most ? automatic : 0)
    const context = contextOf(runner)
    // While nobody asks there is nothing to raise to; while it is not known what the target takes by itself, that may
    // be more.
    const mayRise = asked > 0 && automatic > 0 && automatic <= level
    const isRaised = context === undefined ? mayRise : context < level
    return isRaised ? withContext(runner, level) : undefined
  }

  // In a microtask: many jobs that are let in at once cost one look at what waits.
  #apply(weights: string): void {
    if (this.#changed.size === 0) queueMicrotask(() => this.#applyAll())
    this.#changed.add(weights)
  }

  #applyAll(): void {
    const { db, depth, attached } = this.#parts
    const all = [...this.#changed]
    this.#changed.clear()
    this.#storing(() => {
      for (const weights of all) {
        if (this.#marks.of(weights) !== undefined) this.#marks.keep(weights)
        moveWaiting({ db, depth, attached }, weights, (model, runner) => this.#raisedRunner(model, runner))
      }
    })
  }

  // Without room on the disk marks hold for as long as this run does, and what waits keeps the runner it has.
  #storing(write: () => void): void {
    try {
      write()
    } catch (err) {
      this.#parts.log.error({ err }, 'a mark of num_ctx could not be stored')
    }
  }
}

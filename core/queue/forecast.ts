/**
 * Foretells when jobs start: foreseen by the schedule's rules from what runs and loads took, and corrected by how far
 * earlier forecasts erred. What it costs depends on how many runners wait, not on how many jobs.
 */
import type { QueueDepth } from '../jobs/depth.ts'
import type { JobBus } from '../jobs/events.ts'
import type { Job } from '../jobs/job.ts'
import type { Priority } from '../jobs/priority.ts'
import type { StartEstimate, StartEstimates } from '../jobs/start-estimates.ts'
import type { Head, WaitingJobs } from '../jobs/waiting.ts'
import { Calibration, type StartQuantiles } from './calibration.ts'
import { type Dispatcher, workerLane } from './dispatcher.ts'
import { type Activity, basisOf, freeBasis, type Outlook, type Scene } from './outlook.ts'
import { QueueView } from './queue-view.ts'

/** What a caller may be told about a queued job: an estimate. Times in ms since 1970. */
export interface Forecast {
  /** Jobs that are likely to run before it. */
  readonly position: number
  /** The time at which it is as likely to have started as not. */
  readonly estimatedStartAt: number
  /** Nine of ten such jobs have started by then. */
  readonly startP90At: number
}

/** What forecasts are made from. */
export interface ForecastParts {
  readonly dispatcher: Dispatcher
  readonly depth: QueueDepth
  readonly waiting: WaitingJobs
  readonly estimates: StartEstimates
  readonly bus: JobBus
  /** For jobs of other lanes than the worker's. */
  readonly beside?: (job: Job) => Forecast
  /** ms since 1970; a simulated clock may stand in its place. */
  readonly now: () => number
}

/** A job that is on its way in: its place, and the first time at which it may run. */
export interface Newcomer extends Head {
  readonly availableAt: number
}

interface Foreseen extends StartQuantiles {
  readonly basis: string
  readonly outlook: Outlook
  /** The quantiles count from here. */
  readonly fromAt: number
}

/** A view serves all questions of a moment: a chunk of new jobs, a page of a list. */
const viewMs = 50
const delayedMs = 1000

/** Foretells starts, and learns from those that happen. */
export class Forecaster {
  readonly #parts: ForecastParts
  readonly #calibration = new Calibration()
  #view: QueueView | undefined
  #delayed: { readonly at: number; readonly counts: ReadonlyMap<string, number> } | undefined

  constructor(parts: ForecastParts) {
    this.#parts = parts
    this.#calibration.teach(parts.estimates)
    parts.bus.on('event', ({ type }, job) => {
      this.#view = undefined
      if (type === 'job.working' && !job.attached && job.attempt === 1) this.#learn(job)
    })
  }

  /** For a job that came in just now: those before it are known without a look at the rows. */
  ofNew(job: Job): Forecast {
    if (job.lane !== workerLane && this.#parts.beside !== undefined) return this.#parts.beside(job)
    const { dispatcher, depth, now } = this.#parts
    const { activity, knowledge } = dispatcher
    const nothingElse = depth.total <= 1 && activity === undefined && job.availableAt <= now()
    if (nothingElse && knowledge.schedule.isLoaded(job.runner)) return this.#soon(job, 0)
    if (activity?.jobSeq === job.seq) return this.#soon(job, this.#leftToLoad(activity))
    const view = this.#viewNow()
    // It is in the queue already.
    return this.#forecast(view, job, this.#nearly(view, job, 1))
  }

  /** For any queued job: those of its runner that are due earlier are counted. */
  of(job: Job): Forecast {
    if (job.lane !== workerLane && this.#parts.beside !== undefined) return this.#parts.beside(job)
    const view = this.#viewNow()
    return this.#forecast(view, job, view.exactly(job, this.#parts.waiting.countBefore(job)))
  }

  /** For jobs that are about to come in together, one after another; none for those whose caller holds the connection. */
  estimates(newcomers: readonly (Newcomer & { attached: boolean })[]): (StartEstimate | undefined)[] {
    if (newcomers.every(({ attached }) => attached)) return newcomers.map(() => undefined)
    const view = this.#viewNow().copy()
    return newcomers.map(newcomer => {
      if (newcomer.attached) return undefined
      const seen = this.#nearly(view, newcomer)
      const { basis, outlook, fromAt, p90Ms } = this.#corrected(view, newcomer, seen)
      if (newcomer.availableAt <= this.#parts.now()) view.join(newcomer)
      return { basis, fromAt, expectedMs: outlook.waitMs, p90Ms }
    })
  }

  /** For a job of this class that would come in now; of any runner that nothing waits for where none is named. */
  ifCameIn(priority: Priority, patienceMs: number, runner = ''): StartQuantiles {
    const now = this.#parts.now()
    const job = { runner, priority, dueAt: now + patienceMs, availableAt: now }
    const view = this.#viewNow()
    return this.#corrected(view, job, this.#nearly(view, job))
  }

  /** It is next, or has been taken already. */
  #soon({ priority }: Job, waitMs: number): Forecast {
    const now = this.#parts.now()
    const quantiles = this.#calibration.quantiles(freeBasis(priority), {
      position: 0,
      waitMs,
      deviationMs: 0
    })
    return forecastFrom(now, 0, quantiles)
  }

  #leftToLoad({ runner, phase, since }: Activity): number {
    if (phase !== 'loading') return 0
    const { loadTimes } = this.#parts.dispatcher.knowledge
    return Math.max(0, since + loadTimes.of(runner) - this.#parts.now())
  }

  #learn(job: Job): void {
    const met = this.#parts.estimates.met(job.seq)
    if (met !== undefined) this.#calibration.learn(met.basis, met.expectedMs, met.waitedMs)
  }

  #forecast(view: QueueView, job: Job, seen: Outlook): Forecast {
    const { outlook, fromAt, ...quantiles } = this.#corrected(view, job, seen)
    return forecastFrom(fromAt, outlook.position, quantiles)
  }

  // One that may not run yet is in the queue in a way: what would have gone before it has gone by then.
  #corrected({ scene }: QueueView, job: Newcomer, { waitMs, ...seen }: Outlook): Foreseen {
    const now = this.#parts.now()
    const fromAt = Math.max(now, job.availableAt)
    const outlook = { ...seen, waitMs: Math.max(0, waitMs - (fromAt - scene.now)) }
    const basis = fromAt > now ? `${job.priority} delayed` : basisOf(job, outlook, scene)
    return { basis, outlook, fromAt, ...this.#calibration.quantiles(basis, outlook) }
  }

  #nearly(view: QueueView, job: Head, besides = 0): Outlook {
    const ahead = view.ahead(job, line => this.#parts.waiting.lastDueAt(workerLane, line) ?? line.dueAt)
    return view.nearly(job, Math.max(0, ahead - besides))
  }

  #viewNow(): QueueView {
    const now = this.#parts.now()
    if (this.#view === undefined || now - this.#view.scene.now > viewMs) {
      this.#view = new QueueView(this.#scene(now))
    }
    return this.#view
  }

  #scene(now: number): Scene {
    const { dispatcher, depth, waiting } = this.#parts
    const { schedule, loadTimes, runTimes } = dispatcher.knowledge
    const lines = waiting.heads(workerLane).map(head => {
      const jobs = depth.classesOf(head.runner)[head.priority] - this.#delayedOf(head.runner, head.priority)
      return { ...head, jobs: Math.max(1, jobs) }
    })
    return {
      ...{ now, schedule, lines, activity: dispatcher.activity },
      loadMs: runner => loadTimes.of(runner),
      runTime: runner => runTimes.of(runner)
    }
  }

  // Counted anew once a second at most: there may be very many of them.
  #delayedOf(runner: string, priority: Priority): number {
    const now = this.#parts.now()
    if (this.#delayed === undefined || now - this.#delayed.at > delayedMs) {
      const counted = this.#parts.waiting.delayed()
      this.#delayed = { at: now, counts: new Map(counted.map(line => [keyOf(line), line.jobs])) }
    }
    return this.#delayed.counts.get(keyOf({ runner, priority })) ?? 0
  }
}

function forecastFrom(fromAt: number, position: number, { p50Ms, p90Ms }: StartQuantiles): Forecast {
  return { position, estimatedStartAt: fromAt + Math.round(p50Ms), startP90At: fromAt + Math.ceil(p90Ms) }
}

function keyOf({ runner, priority }: Pick<Head, 'runner' | 'priority'>): string {
  return `${priority} ${runner}`
}

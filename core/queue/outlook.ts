/**
 * Thinks ahead by the schedule's own rules: when would a job start if nothing else came in?
 *
 * It plays turns, not jobs: each runner has a number of waiting jobs for each class and what one of them takes on the
 * mean, so that a queue of a million is foreseen as fast as one of ten. What comes in later, and how far runs differ
 * from their mean, is left to the calibration.
 */
import type { Priority } from '../jobs/priority.ts'
import type { Head } from '../jobs/waiting.ts'
import type { RunTime } from './run-times.ts'
import type { Schedule } from './schedule.ts'

/** The jobs of one runner and class that may run. */
export interface Line extends Head {
  readonly jobs: number
}

/** What the worker does at the moment. */
export interface Activity {
  readonly jobSeq: number
  readonly runner: string
  /** The name that it was asked for by. */
  readonly model: string
  readonly phase: 'loading' | 'working'
  /** ms since 1970. */
  readonly since: number
}

/** The queue at one moment, as far as it decides what comes next. */
export interface Scene {
  /** ms since 1970. */
  readonly now: number
  readonly schedule: Schedule
  readonly lines: readonly Line[]
  readonly activity: Activity | undefined
  readonly loadMs: (runner: string) => number
  readonly runTime: (runner: string) => RunTime
}

/** What is foreseen for one job. */
export interface Outlook {
  /** Jobs that are to run before it, the running one included. */
  readonly position: number
  /** Time until its run begins, its load included, in ms. */
  readonly waitMs: number
  /** What of that can be known to be uncertain: standard deviation, in ms. */
  readonly deviationMs: number
}

type Waiting = { -readonly [K in keyof Line]: Line[K] }

/** Turns that are played; what lies behind them is taken to go on as they went. */
const mostTurns = 32
/** Loads differ from what is expected of them by about this part. */
const loadSpread = 0.1
/** A job that has taken longer than it should still needs this part of it. */
const leastLeft = 0.1

/** Foresees the start of a job with `before` jobs of its own runner before it. */
export function foresee(scene: Scene, job: Head, before: number): Outlook {
  const play = new Play(scene, job, before)
  for (let turn = 0; turn < mostTurns; turn++) {
    if (play.turn()) break
  }
  return play.outlook()
}

/** One game of it. */
class Play {
  readonly #scene: Scene
  readonly #job: Head
  readonly #schedule: Schedule
  readonly #lines: Waiting[]
  #at: number
  #position = 0
  #variance = 0
  #before: number
  readonly #ahead: number

  constructor(scene: Scene, job: Head, before: number) {
    this.#scene = scene
    this.#job = job
    this.#before = before
    this.#ahead = before
    this.#at = scene.now
    this.#lines = scene.lines.map(line => ({ ...line }))
    this.#joinOwn(before)
    this.#schedule = scene.schedule.copy(new Set(this.#lines.map(line => line.runner)))
    if (scene.activity !== undefined) this.#finish(scene.activity)
  }

  outlook(): Outlook {
    const playedMs = this.#at - this.#scene.now
    const served = this.#ahead - this.#before
    // Where not one of its own was served in all the turns, as if all runners had equal parts of the worker.
    const evenly = this.#scene.runTime(this.#job.runner).meanMs * this.#runners()
    const eachMs = served > 0 ? playedMs / served : evenly
    const waitMs = playedMs + this.#before * eachMs
    const position = this.#position + Math.round(this.#before * (served > 0 ? this.#position / served : 1))
    return { position, waitMs, deviationMs: Math.sqrt(this.#variance) }
  }

  /** @returns whether the job's run begins */
  turn(): boolean {
    const heads = this.#lines
    const decision = this.#schedule.decide(heads, this.#at)
    if (decision === 'nothing waits') return true
    if ('lingerUntil' in decision) {
      this.#at = decision.lingerUntil
      return false
    }
    const { serve } = decision
    if (!this.#schedule.isLoaded(serve)) this.#swap(serve)
    else if (serve !== this.#schedule.resident) this.#schedule.goOver(serve, this.#at)
    return this.#serve(serve)
  }

  // The job itself is one of those that wait, and so are those before it.
  #joinOwn(before: number): void {
    const { runner, priority, dueAt } = this.#job
    const own = this.#lines.filter(line => line.runner === runner)
    const missing = before + 1 - own.reduce((sum, { jobs }) => sum + jobs, 0)
    const line = own.find(one => one.priority === priority)
    if (line === undefined) this.#lines.push({ runner, priority, dueAt, jobs: Math.max(1, missing) })
    else line.jobs += Math.max(0, missing)
  }

  #finish({ runner, phase, since }: Activity): void {
    const ofPhase = (ms: number) => Math.max(ms - (this.#scene.now - since), leastLeft * ms)
    const { meanMs, deviationMs } = this.#scene.runTime(runner)
    if (phase === 'loading') {
      this.#at += ofPhase(this.#scene.loadMs(runner))
      this.#schedule.begin(runner, this.#at)
    }
    this.#at += phase === 'loading' ? meanMs : ofPhase(meanMs)
    this.#schedule.jobEnded(this.#at)
    this.#position += 1
    this.#variance += deviationMs ** 2
  }

  #swap(runner: string): void {
    const loadMs = this.#scene.loadMs(runner)
    this.#schedule.leave(runner, this.#lines, this.#at)
    this.#at += loadMs
    this.#variance += (loadSpread * loadMs) ** 2
    this.#schedule.begin(runner, this.#at)
  }

  // All that run before somebody else's claim ends the turn, or before the next class changes who has a claim.
  #serve(runner: string): boolean {
    const { meanMs, deviationMs } = this.#scene.runTime(runner)
    const line = this.#firstOf(runner)
    const room = Math.ceil((this.#schedule.endsAt(this.#lines, this.#at) - this.#at) / Math.max(1, meanMs))
    const jobs = Math.min(line.jobs, Math.max(1, room))
    const isOwn = runner === this.#job.runner
    const served = isOwn ? Math.min(jobs, this.#before) : jobs
    this.#at += served * meanMs
    this.#variance += served * deviationMs ** 2
    this.#position += served
    if (isOwn) this.#before -= served
    if (isOwn && served < jobs) return true
    this.#schedule.jobEnded(this.#at)
    line.jobs -= served
    if (line.jobs === 0) this.#lines.splice(this.#lines.indexOf(line), 1)
    return false
  }

  #firstOf(runner: string): Waiting {
    return this.#lines.filter(line => line.runner === runner).reduce((a, b) => (b.dueAt < a.dueAt ? b : a))
  }

  #runners(): number {
    return new Set(this.#lines.map(line => line.runner)).size
  }
}

/** Tells apart jobs whose estimates err alike. */
export function basisOf({ runner, priority }: Head, { position }: Outlook, { schedule }: Scene): string {
  if (position === 0) return freeBasis(priority)
  return `${priority} ${schedule.isLoaded(runner) ? 'resident' : 'other'}`
}

/** That of jobs that nothing is before. */
export function freeBasis(priority: Priority): string {
  return `${priority} free`
}

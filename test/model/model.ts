/**
 * What must come of jobs, told by the commands alone: for each job the states in which it may be when everything
 * has settled. It knows no store, no queue and no time.
 */
import assert from 'node:assert/strict'
import type { Job } from '../../core/jobs/job.ts'
import type { JobState } from '../../core/jobs/states.ts'

/** A queued job may have been chosen meanwhile: which one is the schedule's business. */
const waitingOrChosen: readonly JobState[] = ['queued', 'loading', 'working']
/** A limit below this is over before all has settled. */
const shortMs = 1000

/** Expected states by job. */
export class Model {
  /** Jobs by the order in which they became known. */
  readonly ids: string[] = []
  /** The queue starts nothing. */
  paused = false
  readonly #expected = new Map<string, readonly JobState[]>()
  /** `true` for those whose removal was acknowledged; the others may be there or not. */
  readonly #removed = new Map<string, boolean>()

  /** A job was accepted. */
  accepted(job: Pick<Job, 'id'>, ...states: JobState[]): void {
    this.ids.push(job.id)
    this.expect(job.id, ...states)
  }

  /** From now on the job must be in one of `states`. */
  expect(id: string, ...states: JobState[]): void {
    this.#expected.set(id, states)
  }

  /** An attempt was cut off or failed in a way that is tried again while attempts are left. */
  expectRetry(job: Job): void {
    if (job.attempt < job.maxAttempts) this.expect(job.id, ...outlookOf(job))
    else this.expect(job.id, 'failed')
  }

  /** A foreman died with the job in this state; the next has put it right. */
  expectRecovered(job: Job): void {
    if (!this.ids.includes(job.id)) this.ids.push(job.id)
    if (job.state === 'canceling') this.expect(job.id, 'canceled')
    else if (job.state === 'loading' || job.state === 'working') this.expectRetry(job)
    else this.#goesOn(job)
  }

  /** Somebody asked for the removal of an ended job; it may not have come to it. */
  mayBeRemoved(id: string): void {
    this.ids.splice(this.ids.indexOf(id), 1)
    this.#removed.set(id, false)
  }

  /** The removal was acknowledged. */
  removed(id: string): void {
    this.#removed.set(id, true)
  }

  /** Holds the store against what is expected; what it shows is what the next command begins with. @throws */
  check(jobs: readonly Job[]): void {
    for (const { id } of jobs) assert.ok(this.#removed.get(id) !== true, `${id} is back`)
    const there = jobs.map(({ id }) => id).filter(id => !this.#removed.has(id))
    assert.deepEqual(there.sort(), this.ids.filter(id => !this.#removed.has(id)).sort())
    for (const job of jobs) {
      const expected = this.#expected.get(job.id)!
      assert.ok(
        expected.includes(job.state),
        `${job.id} is ${job.state}, not ${expected}: ${JSON.stringify(job)}`
      )
      this.#goesOn(job)
    }
    const running = jobs.filter(({ state }) => state === 'loading' || state === 'working')
    assert.ok(running.length <= 1, `${running.length} jobs run at once`)
  }

  /** What may become of it without anybody's doing. */
  #goesOn(job: Job): void {
    this.expect(job.id, ...(job.state === 'queued' ? outlookOf(job) : [job.state]))
  }
}

/** What may become of a waiting job when all has settled. */
function outlookOf({ startBy, attempt, runTimeoutMs }: Job): JobState[] {
  return [
    ...waitingOrChosen,
    ...(startBy === null ? [] : ([attempt === 0 ? 'expired' : 'failed'] as const)),
    ...(runTimeoutMs < shortMs ? (['failed'] as const) : [])
  ]
}
